"""The Analytics page: what people rated, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from client.answers import Comparison, Film
from client.client import Api
from client.errors import ApiProblem
from webapp import source
from webapp.charts.films import average_against_count, genre_bars, most_rated, rating_shares, shared_bars
from webapp.charts.over_time import genre_by_release, ratings_by_period
from webapp.elements import cards
from webapp.elements.frame import heading, run_guarded
from webapp.elements.picker import FILM, pick_film, references
from webapp.palette import genre_colour, main_genre
from webapp.wording import count, film_label, place, stars

# A control keeps its value from page to page: controls with the same key on two pages must accept the same values.
GENRE_VIEWS = {"average_rating": "Average rating", "ratings": "Ratings", "movies": "Films"}
ALL_GENRES = "All genres"
DAMPED = (
    "The best hundred by a damped (Bayesian) average: each film starts with ten ratings of the overall average, the "
    "dashed line, so that three enthusiasts do not make a masterpiece. Grey: other well-known films."
)
T = TypeVar("T")


def draw() -> None:
    """Draw the Analytics page: charts of ratings by film, genre and time."""
    heading("What people rated, and how", "The ratings that the served model learned from, from all films down to one.")
    api = source.api()
    view = st.segmented_control(
        "Show", list(VIEWS), default="One film", required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    VIEWS[view or "One film"](api)


def _one_film(api: Api) -> None:
    film = pick_film(api, FILM, label="Film") or api.top("count", n=1)[0]
    st.html(cards.hero(film))
    ratings, summary = api.ratings(film.movie_id), api.summary()
    if not ratings.rating_count:
        st.info("Nobody has rated this film yet.", icon=":material/info:")
        return
    st.subheader("How people rated it", anchor=False)
    series = [(film_label(film.title, film.year), ratings.histogram), ("All films", summary.histogram)]
    st.altair_chart(rating_shares(series), width="stretch")
    _over_time(api, movie_id=film.movie_id)


def _two_films(api: Api) -> None:
    left, right = st.columns(2, gap="medium")
    defaults = api.top("count", n=2)
    with left:
        first = pick_film(api, FILM, label="First film") or defaults[0]
        st.html(cards.hero(first))
    with right:
        second = pick_film(api, "other", label="Second film") or defaults[-1]
        st.html(cards.hero(second))
    comparison = _optional(lambda: api.compare(first.movie_id, second.movie_id))
    if comparison:
        st.html(cards.figures(comparison_figures(comparison)))
    st.subheader("Their ratings side by side", anchor=False)
    series = [
        (references([first, second])[i], api.ratings(film.movie_id).histogram) for i, film in enumerate((first, second))
    ]
    st.altair_chart(rating_shares(series), width="stretch")
    if comparison and comparison.shared_features:
        st.subheader("What they share", anchor=False)
        st.altair_chart(shared_bars(comparison.shared_features), width="stretch")


def comparison_figures(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure about two compared films."""
    first, second = comparison.movies
    where = f"Place of {second.title} among the {count(comparison.of)} films that could be shown for {first.title}"
    return [
        (place(comparison.place), f"closest to {first.title}", where),
        (count(comparison.common_viewers), "rated both", "People who rated both films"),
        (count(comparison.common_likes), "liked both", "People who gave both films four stars or more"),
        *(
            (count(film.rating_count), f"rated {film.title}", f"{stars(film.average_rating)} stars on average")
            for film in comparison.movies
        ),
    ]


def _most_rated(api: Api) -> None:
    left, right = st.columns(2, gap="medium")
    n = left.slider("Films", 5, 50, 20, key="top", bind="query-params")
    films = api.top("count", n=n, genre=_genre(api, right))
    _legend(films)
    st.altair_chart(most_rated(films), width="stretch")


def _best_rated(api: Api) -> None:
    left, right = st.columns(2, gap="medium")
    least = left.slider("Leave out films with fewer ratings than", 1, 500, 20, key="over", bind="query-params")
    top_films = api.top("average", n=100, genre=_genre(api, right), min_ratings=least)
    if not top_films:
        st.info("No film has that many ratings.", icon=":material/info:")
        return
    st.html(f'<p class="mr-note">{DAMPED}</p>')
    top_ids = {film.movie_id for film in top_films}
    well_known = [film for film in _optional(api.film_map) or [] if film.rating_count >= least]
    backdrop = [film for film in well_known if film.movie_id not in top_ids]
    _legend(top_films)
    st.altair_chart(average_against_count(top_films, backdrop, api.dataset().mean_rating), width="stretch")
    st.dataframe(
        [
            {"Place": i, "Film": film_label(film.title, film.year), "Average": film.average_rating,
             "Ratings": film.rating_count, "Genres": ", ".join(film.genres)}
            for i, film in enumerate(top_films[:25], 1)
        ],
        hide_index=True, column_config={"Average": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip


def _genres(api: Api) -> None:
    view = st.segmented_control(
        "Compare by",
        list(GENRE_VIEWS),
        default="average_rating",
        required=True,
        key="by",
        format_func=lambda by: GENRE_VIEWS[by],
    )
    st.altair_chart(genre_bars(api.genres(), view or "average_rating"), width="stretch")
    genre = _genre(api, st.container(), everything=False)
    if genre is None:
        return
    st.subheader(f"The best of {genre}", anchor=False)
    with st.grid("auto", min_column_width=108, gap="small"):
        for film in api.top("average", n=8, genre=genre, min_ratings=20):
            with st.container(gap="xsmall"):
                st.html(cards.poster(film) + cards.rating(film))
    st.subheader(f"{genre} through the decades", anchor=False)
    st.altair_chart(genre_by_release(api.release_years(genre), genre_colour(genre)), width="stretch")
    _over_time(api, genre=genre)


def _all_over_time(api: Api) -> None:
    _over_time(api, genre=_genre(api, st.container()))


def _over_time(api: Api, *, movie_id: int | None = None, genre: str | None = None) -> None:
    periods = _optional(lambda: api.over_time(movie_id=movie_id, genre=genre))
    st.subheader("When the ratings came in", anchor=False)
    if not periods:
        st.info("This model version does not know when ratings were given.", icon=":material/info:")
        return
    st.altair_chart(ratings_by_period(periods), width="stretch")


def _legend(films: Sequence[Film]) -> None:
    st.html(cards.genre_legend([main_genre(film.genres) for film in films]))


def _genre(api: Api, where: st.delta_generator.DeltaGenerator, *, everything: bool = True) -> str | None:
    """Draw the choice of a genre and return it; None for all genres."""
    names = [genre.genre for genre in api.genres() if genre.ratings]
    options = [ALL_GENRES, *names] if everything else names
    key = "genre" if everything else "one-genre"
    chosen = where.selectbox("Genre", options, key=key, bind="query-params")
    return None if chosen in (None, ALL_GENRES) else chosen


def _optional(ask: Callable[[], T]) -> T | None:
    """Return the answer of a call, or None where the served version lacks that data."""
    try:
        return ask()
    except ApiProblem as problem:
        if problem.kind != "not-in-model":
            raise
        return None


VIEWS: dict[str, Callable[[Api], None]] = {
    "One film": _one_film,
    "Two films": _two_films,
    "Most rated": _most_rated,
    "Best rated": _best_rated,
    "Genres": _genres,
    "Over time": _all_over_time,
}


if __name__ == "__main__":
    run_guarded(draw)
