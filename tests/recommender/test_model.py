from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recommender.errors import UnknownMovieError, UnknownUserError, UsageError
from recommender.films.catalog import Film, FilmFilter
from recommender.model import Model, Ranked, Wanted
from tests.toy import FIRST_ENTRY, SECOND_ENTRY, UNRATED, USER_IDS, user_item


def titles(model: Model, ranked: Ranked) -> list[str]:
    return [model.catalog.film(int(row)).title for row in ranked.rows]


def test_films_like_a_film_share_its_taste_and_leave_it_out(toy: Model) -> None:
    ranked = toy.similar(toy.movie_row(1), Wanted(n=4))
    assert titles(toy, ranked) == ["The Moon Thieves", "Robot Summer", "Twins", "Alien Harbour"]
    assert np.all(np.diff(ranked.scores) <= 0)


def test_a_second_entry_is_never_shown_and_never_recommends_its_first(toy: Model) -> None:
    for options in (Wanted(n=5), Wanted(n=11)):
        assert SECOND_ENTRY not in toy.similar(FIRST_ENTRY, options).rows
        assert not {FIRST_ENTRY, SECOND_ENTRY} & set(toy.similar(SECOND_ENTRY, options).rows.tolist())


def test_prebuilt_and_scored_lists_agree(toy: Model) -> None:
    for row in range(10):
        prebuilt = toy.similar(row, Wanted(n=5))
        scored = toy.similar(row, Wanted(n=11))
        np.testing.assert_array_equal(prebuilt.rows, scored.rows[:5])
        np.testing.assert_allclose(prebuilt.scores, scored.scores[:5], rtol=1e-5)


def test_filters_that_empty_the_prebuilt_list_fall_back_on_the_full_scorer(toy: Model) -> None:
    ranked = toy.similar(0, Wanted(n=4, filter=FilmFilter(genres=("romance",))))
    assert len(ranked.rows) == 4
    assert all("Romance" in toy.catalog.film(int(row)).genres for row in ranked.rows)


@pytest.mark.parametrize(
    ("conditions", "keeps"),
    [
        (FilmFilter(year_from=1990), lambda film: (film.year or 0) >= 1990),
        (FilmFilter(year_to=1990), lambda film: film.year is not None and film.year <= 1990),
        (FilmFilter(min_ratings=1), lambda film: film.rating_count >= 1),
        (FilmFilter(exclude=(1,)), lambda film: film.movie_id != 2),
        (FilmFilter(genres=("Comedy", "HORROR")), lambda film: {"Comedy", "Horror"} & set(film.genres)),
    ],
)
def test_each_filter_keeps_exactly_the_films_it_names(
    toy: Model, conditions: FilmFilter, keeps: Callable[[Film], object]
) -> None:
    allowed = toy.catalog.allowed(conditions)
    for row in range(len(toy.catalog)):
        assert allowed[row] == (row != SECOND_ENTRY and bool(keeps(toy.catalog.film(row))))


def test_an_unknown_genre_is_an_error_that_names_the_known_ones(toy: Model) -> None:
    with pytest.raises(UsageError, match=r"expected one of: .*Romance"):
        toy.catalog.allowed(FilmFilter(genres=("Telenovela",)))


def test_a_user_gets_films_of_their_taste_that_they_have_not_rated(toy: Model) -> None:
    matrix = user_item()
    for user in range(len(USER_IDS)):
        ranked = toy.for_user(user, Wanted(n=3))
        assert not set(ranked.rows.tolist()) & set(matrix[[user]].indices.tolist())
        taste = range(6) if user < 5 else range(6, 11)
        assert ranked.rows[0] in taste


def test_a_new_person_with_the_ratings_of_a_user_gets_that_user_s_list(toy: Model) -> None:
    for user in range(len(USER_IDS)):
        history = toy.history.ratings(np.array([user]))
        as_user = toy.for_user(user, Wanted(n=5))
        new = toy.for_profile(history.indices[::-1].astype(np.int64), history.data[::-1], Wanted(n=5))
        np.testing.assert_array_equal(as_user.rows, new.rows)
        np.testing.assert_allclose(as_user.scores, new.scores, rtol=1e-4, atol=1e-5)


def test_history_gives_back_the_ratings_in_any_order_of_users(toy: Model) -> None:
    rows = np.array([7, 0, 7])
    np.testing.assert_array_equal(toy.history.ratings(rows).toarray(), user_item()[rows].toarray())


def test_films_without_ratings_stay_reachable(toy: Model) -> None:
    assert UNRATED in toy.similar(FIRST_ENTRY, Wanted(n=5)).rows
    assert toy.catalog.film(UNRATED).average_rating is None


def test_unknown_ids_are_lookup_errors(toy: Model) -> None:
    with pytest.raises(UnknownMovieError):
        toy.movie_row(999)
    with pytest.raises(UnknownUserError):
        toy.user_row(999)
