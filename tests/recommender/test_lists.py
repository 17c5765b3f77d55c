"""Pages, preferences, limits and lists for two, over a world with lists of a hundred films."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import UsageError
from recommender.films.catalog import FilmFilter
from recommender.model import Model, Person, Ranked, Wanted, profile
from recommender.predicting import interval, place
from recommender.together import Aggregation, for_two
from tests.world import N_FILMS, N_USERS, SECOND_ENTRY, world

MODEL = world()
LEVELS = (-1.0, -0.6, -0.2, 0.0, 0.3, 0.7, 1.0)

options = st.builds(
    Wanted,
    filter=st.builds(
        FilmFilter,
        genres=st.sampled_from([(), ("Comedy",), ("Drama", "Horror")]),
        year_from=st.sampled_from([None, 1960]),
        min_ratings=st.sampled_from([0, 3]),
        candidates=st.sampled_from([None, tuple(range(0, N_FILMS, 2))]),
    ),
    diversity=st.sampled_from([0.0, 0.4]),
    limits=st.sampled_from([(), (("directors", 3),), (("genres", 20), ("directors", 9))]),
    popularity=st.sampled_from([0.0, 0.5]),
    recency=st.sampled_from([0.0, -0.5]),
    steer=st.sampled_from([(), ((0, 1.0),)]),
    include_seen=st.booleans(),
)


def rows_of(ranked: Ranked) -> list[int]:
    return [int(row) for row in ranked.rows]


@given(st.sampled_from(["film", "user"]), st.integers(0, N_USERS - 1), options)
def test_pages_of_ten_are_the_list_of_a_hundred(subject: str, row: int, wanted: Wanted) -> None:
    def answer(options: Wanted) -> Ranked:
        return MODEL.similar(row, options) if subject == "film" else MODEL.for_user(row, options)

    whole = answer(replace(wanted, n=100))
    for offset in (None, 0):
        assert rows_of(answer(replace(wanted, n=10, offset=offset))) == rows_of(whole)[:10]
    pages = [answer(replace(wanted, n=10, offset=offset)) for offset in range(0, 100, 10)]
    assert [film for page in pages for film in rows_of(page)] == rows_of(whole)
    assert np.concatenate([page.scores for page in pages]) == pytest.approx(whole.scores, abs=1e-6)


@pytest.mark.parametrize("preference", ["popularity", "recency"])
@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"filter": FilmFilter(genres=("Drama",))},
        {"diversity": 0.4},
        {"limits": (("directors", 2),)},
        {"diversity": 0.7, "limits": (("genres", 9), ("directors", 3))},
    ],
)
def test_the_lists_mean_grows_with_the_preference_over_a_hundred_films(
    preference: str, conditions: dict[str, Any]
) -> None:
    values = MODEL.catalog.counts if preference == "popularity" else MODEL.catalog.years
    known = values > 0 if preference == "recency" else values >= 0
    means = []
    for level in LEVELS:
        wanted: dict[str, Any] = {**conditions, preference: level}
        lists = [MODEL.similar(film, Wanted(n=10, **wanted)).rows for film in range(100)]
        means.append([values[rows][known[rows]].mean() for rows in lists])
    if preference == "popularity":  # exactly, list by list
        assert all(
            low <= high + 1e-9 for lower, higher in pairwise(means) for low, high in zip(lower, higher, strict=True)
        )
    overall = [float(np.mean(level)) for level in means]
    assert overall == sorted(overall)
    assert overall[0] < overall[3] < overall[-1]


def test_no_value_of_a_facet_has_more_than_its_limit_and_better_films_are_not_left_out() -> None:
    wanted = Wanted(n=100, limits=(("directors", 2), ("genres", 15)))
    ranked = MODEL.for_user(3, wanted)
    order = rows_of(MODEL.for_user(3, Wanted(n=N_FILMS)))
    counts: dict[str, int] = {}
    chosen = []
    for row in order:
        film = MODEL.catalog.film(row)
        names = {*film.directors, *film.genres}
        if all(counts.get(name, 0) < (2 if name.startswith("Director") else 15) for name in names):
            chosen.append(row)
            counts |= {name: counts.get(name, 0) + 1 for name in names}
    assert rows_of(ranked) == chosen[:100]


def test_less_than_expected_is_left_out_and_what_was_seen_may_come_back() -> None:
    person = MODEL.person(5)
    ranked = MODEL.for_person(person, Wanted(n=100, min_expected=3.9))
    assert 0 < len(ranked.rows) < 100
    assert MODEL.expected(person, ranked.rows).min() >= 3.895
    seen = set(person.history.indices.tolist())
    assert not seen & set(rows_of(MODEL.for_person(person, Wanted(n=100))))
    again = MODEL.for_person(person, Wanted(n=100, include_seen=True, filter=FilmFilter(candidates=tuple(seen))))
    assert set(rows_of(again)) == seen


def test_the_less_happy_of_two_expects_no_less_than_of_the_means_list() -> None:
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(200):
        people = [MODEL.person(int(row)) for row in rng.choice(N_USERS, 2, replace=False)]
        fair = for_two(MODEL, people, Wanted(n=10), "least_misery")
        mean = for_two(MODEL, people, Wanted(n=10), "mean")
        expected = [MODEL.expected(person, fair.ranked.rows).mean() for person in people]
        assert fair.means == pytest.approx(expected, abs=1e-5)
        assert np.all(fair.least >= mean.least), "as fair as the mean's list in any number of its first films"
        gains.append(min(fair.means) - min(mean.means))
        seen = {row for person in people for row in person.history.indices.tolist()}
        assert not seen & set(rows_of(fair.ranked))
    assert min(gains) >= 0
    assert np.mean(gains) > 0.01


def test_lists_for_two_whose_limits_leave_more_or_fewer_films_are_as_fair_as_the_means() -> None:
    wanted = Wanted(n=100, limits=(("genres", 10),))
    for other in range(1, 20):
        people = [MODEL.person(0), MODEL.person(other)]
        fair, mean = (for_two(MODEL, people, wanted, aggregation) for aggregation in ("least_misery", "mean"))
        assert np.all(fair.least >= mean.least)


@pytest.mark.parametrize("aggregation", ["least_misery", "mean"])
def test_pages_for_two_are_pieces_of_one_list(aggregation: Aggregation) -> None:
    people = [MODEL.person(0), MODEL.person(3)]
    for wanted in (Wanted(), Wanted(diversity=0.4, limits=(("directors", 7),), popularity=0.5)):
        whole = rows_of(for_two(MODEL, people, replace(wanted, n=100), aggregation).ranked)
        first, *others = [
            rows_of(for_two(MODEL, people, replace(wanted, n=10, offset=offset), aggregation).ranked)
            for offset in (None, *range(0, 100, 10))
        ]
        assert first == others[0]
        assert [row for page in others for row in page] == list(whole)
        assert len(set(whole)) == len(whole) > 20


def test_a_model_without_predictions_says_so() -> None:
    manifest = MODEL.manifest.model_copy(update={"rating_scorer": None})
    model = Model(manifest, MODEL.arrays)
    with pytest.raises(UsageError, match="predicts no ratings"):
        model.for_user(0, Wanted(min_expected=3.0))
    with pytest.raises(UsageError, match="predicts no ratings"):
        for_two(model, [model.person(0), model.person(1)], Wanted(), "least_misery")
    assert interval(model, model.person(0), 1) is None


@given(st.integers(0, N_USERS - 1), st.integers(0, N_FILMS - 2), options)
def test_a_film_is_at_its_place_or_something_keeps_it_away(user: int, row: int, wanted: Wanted) -> None:
    person = MODEL.person(user)
    whole = rows_of(MODEL.for_person(person, replace(wanted, n=N_FILMS)))
    placed = place(MODEL, person, row, wanted)
    causes = placed.kept_away_by
    assert placed.rank == (1 + whole.index(row) if row in whole else None)
    assert bool(causes) == (row not in whole[:10])
    if "further_down" in causes:
        for cause in causes[1:]:  # without it the film is on the page
            assert row in rows_of(MODEL.for_person(person, replace(wanted, **{cause: getattr(Wanted(), cause)})))
    elif causes:  # nothing else is in its way
        conditions = replace(
            wanted.filter, **{name: getattr(FilmFilter(), name) for name in causes if hasattr(FilmFilter(), name)}
        )
        limits = tuple(limit for limit in wanted.limits if f"max_per:{limit[0]}" not in causes)
        seen = wanted.include_seen or "seen" in causes
        open_again = replace(wanted, n=N_FILMS, filter=conditions, include_seen=seen, limits=limits)
        others = {f"max_per:{facet}" for facet, _ in limits}
        assert row in rows_of(MODEL.for_person(person, open_again)) or others & set(
            place(MODEL, person, row, open_again).kept_away_by
        )


def test_a_film_before_the_page_is_kept_away_by_the_offset() -> None:
    person = MODEL.person(2)
    third = int(MODEL.for_person(person, Wanted()).rows[2])
    placed = place(MODEL, person, third, Wanted(n=10, offset=10))
    assert (placed.rank, placed.kept_away_by) == (3, ["offset"])


def test_the_limit_that_better_films_fill_is_named_and_no_other() -> None:
    person = MODEL.person(3)
    limits = (("directors", 1), ("genres", 90))
    listed = rows_of(MODEL.for_person(person, Wanted(n=N_FILMS, limits=limits)))
    directors = {MODEL.catalog.film(row).directors[0] for row in listed[:5]}
    missing = [row for row in rows_of(MODEL.for_person(person, Wanted(n=60))) if row not in listed]
    assert missing
    assert directors
    for row in missing:
        assert place(MODEL, person, row, Wanted(limits=limits)).kept_away_by == ["max_per:directors"]


def test_a_second_entry_is_kept_away_as_such() -> None:
    assert place(MODEL, MODEL.person(0), SECOND_ENTRY, Wanted()).kept_away_by[0] == "second_entry"


def test_the_interval_is_wider_where_opinions_differ() -> None:
    agreed, divided = np.array([4.0, 4.0, 4.0]), np.array([0.5, 5.0, 5.0])
    arrays = dict(MODEL.arrays)
    histograms = np.zeros_like(arrays["catalog_histograms"])
    for row, ratings in enumerate([agreed, divided]):
        np.add.at(histograms[row], MODEL.feedback.bin(ratings), 40)
    arrays |= {"catalog_histograms": histograms, "catalog_counts": histograms.sum(axis=1).astype(np.int32)}
    model = Model(MODEL.manifest, arrays)
    person = Person(profile(np.array([5]), np.array([3.0], dtype=np.float32), N_FILMS))
    narrow, wide = (interval(model, person, row) for row in (0, 1))
    assert narrow
    assert wide
    assert narrow.high - narrow.low < wide.high - wide.low
    assert 0.5 <= wide.low <= wide.expected <= wide.high <= 5


def test_only_what_follows_the_last_place_is_further_down() -> None:
    person = MODEL.person(2)
    tenth, eleventh = MODEL.for_person(person, Wanted(n=11)).rows[9:]
    assert place(MODEL, person, int(tenth), Wanted(n=10)).kept_away_by == []
    assert place(MODEL, person, int(eleventh), Wanted(n=10)).kept_away_by == ["further_down"]
