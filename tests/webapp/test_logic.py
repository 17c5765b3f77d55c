"""State, reasons and comparisons: pure functions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.answers import CommonViewers, Explanation, MapFilm, Metric, Reason, Recommendation, RegisteredVersion
from webapp.comparing import datasets, metric_names, protocols, worth_comparing
from webapp.elements import reasons
from webapp.overlap import difference, rank_biased_overlap
from webapp.state import deck, list_options, moves, spread, usual_rating
from webapp.wording import joined, metric_help, metric_title, place


def map_film(movie_id: int, x: float, y: float) -> MapFilm:
    return MapFilm(movie_id=movie_id, title="", year=None, genres=(), average_rating=None, rating_count=0, x=x, y=y)


def entry(movie_id: int, rank: int = 1, **changes: object) -> Recommendation:
    given = {
        "movie_id": movie_id, "title": "Heat", "year": 1995, "genres": (), "directors": (), "actors": (),
        "average_rating": None, "rating_count": 0, "rank": rank, "score": 2.0,
    }  # fmt: skip
    return Recommendation.model_validate(given | changes)


def version(number: int, algorithm: str, **changes: Any) -> RegisteredVersion:
    plain = RegisteredVersion(
        version=str(number), run_id="r", created=0.0, aliases=[], algorithm=algorithm, dataset="ml-100k", verdict=None,
        verdict_summary=None, figures=[Metric(protocol="latest20", name="ndcg_at_10", value=0.1)],
    )  # fmt: skip
    return plain.model_copy(update=changes)


def test_a_wish_names_only_what_was_wished() -> None:
    span = (1922, 1998)
    assert list_options(n=5, genres=[], min_ratings=0, diversity=0.0) == {"n": 5}
    assert list_options(n=5, years=span, all_years=span) == {"n": 5}
    wished = list_options(
        n=5, genres=["Comedy"], years=(1980, 1998), all_years=span, min_ratings=20, diversity=0.3, tag_boost=["pixar"],
        tag_suppress=["violence", "pixar"],
    )  # fmt: skip
    assert wished == {
        "n": 5, "genres": ["Comedy"], "year_from": 1980, "min_ratings": 20, "diversity": 0.3, "tag_boost": ["pixar"],
        "tag_suppress": ["violence"],
    }  # fmt: skip


def test_the_usual_rating_begins_at_everybodys_mean() -> None:
    assert usual_rating([], 3.5) == 3.5
    assert usual_rating([1.0], 3.5) == pytest.approx(36 / 11)
    assert usual_rating([5.0] * 990, 3.5) == pytest.approx(4.985)


def test_a_deck_is_well_known_and_well_spread() -> None:
    cluster = [map_film(i, 0.01 * i, 0.0) for i in range(5)]
    far = [map_film(10, 0.9, 0.9), map_film(11, -0.9, 0.9)]
    chosen = [film.movie_id for film in spread([*cluster, *far], 3)]
    assert chosen == [0, 10, 11]


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), max_size=40), st.integers(1, 12))
def test_a_deck_is_always_as_full_as_it_can_be(places: list[tuple[float, float]], size: int) -> None:
    films = [map_film(i, x, y) for i, (x, y) in enumerate(places)]
    chosen = [film.movie_id for film in spread(films, size)]
    assert len(set(chosen)) == len(chosen) == min(size, len(films))


def test_pages_of_a_deck_do_not_repeat_a_film() -> None:
    films = [map_film(i, (i * 37 % 100) / 50 - 1, (i * 61 % 100) / 50 - 1) for i in range(30)]
    pages = [film.movie_id for page in range(4) for film in deck(films, page)]
    assert len(set(pages)) == len(pages) == 24
    assert deck(films, 9) == []


def test_moves_between_two_lists() -> None:
    after = [entry(2, 1), entry(9, 2), entry(1, 3)]
    assert moves([1, 2, 3], after) == {2: 1, 9: None, 1: -2}
    assert [reasons.badge(move) for move in (1, None, -2, 0)] == ["up 1", "new", "down 2", ""]


def test_overlap_is_one_for_the_same_list_and_falls_from_the_top() -> None:
    assert rank_biased_overlap([1, 2, 3], [1, 2, 3]) == pytest.approx(1.0)
    assert rank_biased_overlap([1, 2], [3, 4]) == 0.0
    assert rank_biased_overlap([], []) == 1.0
    assert rank_biased_overlap([], [1]) == 0.0
    top, bottom = rank_biased_overlap([1, 2, 3, 4], [9, 2, 3, 4]), rank_biased_overlap([1, 2, 3, 4], [1, 2, 3, 9])
    assert top < bottom < 1.0


def test_overlap_by_hand() -> None:
    # depth 1: 0 of 1 shared, depth 2: 2 of 2; p = 0.5: 0.5**2 * 1 + (0.5 / 0.5) * (0 * 0.5 + 1 * 0.25)
    assert rank_biased_overlap([1, 2], [2, 1], p=0.5) == pytest.approx(0.5)


@given(st.lists(st.integers(0, 30), unique=True, max_size=12), st.lists(st.integers(0, 30), unique=True, max_size=12))
def test_overlap_is_symmetric_and_bounded(first: list[int], second: list[int]) -> None:
    found = rank_biased_overlap(first, second)
    assert -1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(rank_biased_overlap(second, first))


def test_a_difference_names_what_stays_enters_and_leaves() -> None:
    change = difference([1, 2, 3], [3, 4])
    assert (change.stay, change.enter, change.leave) == ([3], [4], [1, 2])


def test_reasons_read_like_sentences_and_lead_with_people() -> None:
    told = Explanation(
        reasons=(
            Reason(kind="part", name="als", contribution=1.0),
            Reason(kind="genre", name="Crime", contribution=0.3),
            Reason(kind="genre", name="Drama", contribution=0.2),
            Reason(kind="director", name="Michael Mann", contribution=0.5),
            Reason(kind="era", name="1995", contribution=0.2),
            Reason(kind="era", name="2000", contribution=0.1),
            Reason(kind="actor", name="Nobody", contribution=-0.1),
        ),
        rest=0.0,
    )
    lines = reasons.for_film(entry(1, explanation=told), CommonViewers(movie_id=1, viewers=9, likes=1))
    words = ["1 person liked both", "Both directed by Michael Mann", "Both Crime and Drama", "From about the same time"]
    assert lines == words


def test_segments_fill_the_bar_in_proportion() -> None:
    told = Explanation(
        reasons=(Reason(kind="part", name="als", contribution=1.5), Reason(kind="genre", name="War", contribution=0.5)),
        rest=0.0,
    )
    parts = reasons.segments(entry(1, explanation=told), top_score=4.0)
    assert [round(share, 3) for _, share, _ in parts] == [0.375, 0.125]
    assert [round(share, 3) for _, share, _ in reasons.segments(entry(1), top_score=4.0)] == [0.5]


def test_a_first_look_has_the_champion_and_the_newest_of_each_algorithm() -> None:
    versions = [
        version(5, "als"),
        version(3, "recommender"),
        version(2, "recommender", aliases=("champion",)),
        version(1, "als"),
    ]
    assert [int(v.version) for v in worth_comparing(versions)] == [5, 3, 2]
    assert worth_comparing([]) == []


def test_the_champions_data_set_comes_first() -> None:
    versions = [version(3, "als", dataset="ml-1m"), version(2, "als", aliases=("champion",)), version(1, "als")]
    assert datasets(versions) == ["ml-100k", "ml-1m"]


def test_metrics_of_a_first_look_come_first_and_counts_are_left_out() -> None:
    names = ["gini_at_10", "users", "coverage_at_10", "ndcg_at_10"]
    judged = version(1, "als", figures=[Metric(protocol="latest20", name=name, value=0.1) for name in names])
    assert metric_names([judged], "latest20") == ["ndcg_at_10", "coverage_at_10", "gini_at_10"]
    assert protocols([judged]) == ["latest20"]


def test_metrics_are_spelled_and_explained() -> None:
    assert metric_title("masked_weighted_ndcg_at_10") == "Masked weighted nDCG@10"
    assert metric_title("hit_rate_at_20") == "Hit rate@20"
    assert metric_title("rmse") == "RMSE"
    assert "Rare titles count more" in metric_help("weighted_hit_rate_at_10")
    assert metric_help("unheard_of") == ""


def test_words() -> None:
    assert [place(n) for n in (1, 2, 3, 4, 11, 12, 21, 112, None)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th", "–",
    ]  # fmt: skip
    assert [joined(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
