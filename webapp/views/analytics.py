"""The Analytics page: what people rated, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import streamlit as st

from client.answers import Comparison, Film
from client.client import Api
from client.errors import optional
from webapp import source
from webapp.charts.films import average_against_count, genre_bars, most_rated, rating_shares
from webapp.charts.over_time import genre_by_release, ratings_by_period
from webapp.data_words import FILMS, DataWords
from webapp.elements import cards
from webapp.elements.chart import chart
from webapp.elements.frame import heading, run_guarded
from webapp.elements.lists import poster_links
from webapp.elements.picker import FILM, pick_film, references
from webapp.elements.reasons import in_common
from webapp.palette import CALM, genre_colour, main_genre
from webapp.wording import count, counted, film_label, place, stars
from webapp.wording import share as share_of

# A control keeps its value from page to page: controls with the same key on two pages must accept the same values.
ALL_GENRES = "All genres"
DAMPED = (
    "The best hundred by a damped (Bayesian) average: each {one} starts with ten ratings of the overall average, the "
    "dashed line, so that three enthusiasts do not make a masterpiece. Grey: other well-known {many}."
)
T = TypeVar("T")


def draw() -> None:
    """Draw the Analytics page: charts of ratings by film, genre and time."""
    words = source.words()
    heading(
        "What people rated, and how",
        f"The ratings that the served model learned from, from all {words.many} down to one.",
    )
    api = source.api()
    view = st.segmented_control(
        "Show", views(api, words), default="One film", required=True, key="view", bind="query-params",
        label_visibility="collapsed", format_func=lambda name: name.replace("film", words.one),
    )  # fmt: skip
    VIEWS[view or "One film"](api)


def views(api: Api, words: DataWords) -> list[str]:
    """Return the names of the views that the data have: no best rated without ratings, no genres without genres."""
    missing = {"Best rated"} if not words.has_ratings else set()
    if not api.genres():
        missing.add("Genres")
    return [name for name in VIEWS if name not in missing]


def _one_film(api: Api) -> None:
    words = source.words()
    film = pick_film(api, FILM, label=words.one_first) or api.top("count", n=1)[0]
    st.html(cards.hero(film, words.labels))
    ratings, summary = api.ratings(film.movie_id), api.summary()
    if not ratings.rating_count:
        st.info(f"Nobody has rated this {words.one} yet.", icon=":material/info:")
        return
    if ratings.histogram:
        st.subheader("How people rated it", anchor=False)
        series = [(film_label(film.title, film.year), ratings.histogram), (f"All {words.many}", summary.histogram)]
        chart(partial(rating_shares, series, words=words), alt="Share of each rating")
    _over_time(api, movie_id=film.movie_id)


def _two_films(api: Api) -> None:
    words = source.words()
    left, right = st.columns(2, gap="medium")
    defaults = api.top("count", n=2)
    with left:
        first = pick_film(api, FILM, label=f"First {words.one}") or defaults[0]
        st.html(cards.hero(first, words.labels))
    with right:
        second = pick_film(api, "other", label=f"Second {words.one}") or next(
            (film for film in defaults if film.movie_id != first.movie_id), first
        )
        st.html(cards.hero(second, words.labels))
    if first.movie_id == second.movie_id:
        st.info(f"Choose another {words.one} to compare with.", icon=":material/compare_arrows:")
        return
    comparison = _optional(lambda: api.compare(first.movie_id, second.movie_id))
    if comparison:
        st.html(cards.figures(comparison_figures(comparison, words)))
    if words.has_ratings:
        st.subheader("Their ratings side by side", anchor=False)
        labels = references([first, second])
        series = [(labels[i], api.ratings(film.movie_id).histogram) for i, film in enumerate((first, second))]
        chart(partial(rating_shares, series, words=words), alt="Share of each rating")
    if comparison and (parts := in_common(comparison.shared_features, words)):
        st.subheader("What they share", anchor=False)
        _shared(parts)


def _shared(parts: Sequence[tuple[str, float]]) -> None:
    """Draw the features that two films share: one as a sentence, several as bars."""
    if len(parts) == 1:
        st.html(cards.bullets([f"Only one thing: {parts[0][0][:1].lower()}{parts[0][0][1:]}"]))
        return
    bars = "".join(cards.score_bar(line, share_of(value), [(line, value, CALM)]) for line, value in parts)
    note = cards.note("A bar's length is how much it counts among all that the two have in common.")
    st.html(f'{note}<div class="mr-shares">{bars}</div>')


def comparison_figures(comparison: Comparison, words: DataWords = FILMS) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure about two compared films."""
    first, second = comparison.movies
    where = f"{second.title}, in the list of all {count(comparison.of)} {words.many} by how similar they are"
    averages = [
        (stars(film.average_rating), f"average of {film.title}", f"from {counted(film.rating_count, 'rating')}")
        for film in comparison.movies
    ]
    return [
        *(averages if words.has_ratings else []),
        (count(comparison.common_viewers), "people rated both", ""),
        (count(comparison.common_likes), "people liked both", f"gave both {words.like} or more"),
        (place(comparison.place), f"most similar to {first.title}", where),
    ]


def _most_rated(api: Api) -> None:
    left, right = st.columns(2, gap="medium")
    n = left.slider(source.words().many_first, 5, 50, 20, key="top", bind="query-params")
    films = api.top("count", n=n, genre=_genre(api, right))
    _legend(films)
    chart(partial(most_rated, films), alt=f"The {len(films)} most rated, by ratings")


def _best_rated(api: Api) -> None:
    left, right = st.columns(2, gap="medium")
    words = source.words()
    least = left.slider(f"Leave out {words.many} with fewer ratings than", 1, 500, 20, key="over", bind="query-params")
    top_films = api.top("average", n=100, genre=_genre(api, right), min_ratings=least)
    if not top_films:
        st.info(f"No {words.one} has that many ratings.", icon=":material/info:")
        return
    st.html(cards.note(DAMPED.format(one=words.one, many=words.many)))
    top_ids = {film.movie_id for film in top_films}
    well_known = [film for film in _optional(api.film_map) or [] if film.rating_count >= least]
    backdrop = [film for film in well_known if film.movie_id not in top_ids]
    _legend(top_films)
    drawing = partial(average_against_count, top_films, backdrop, api.dataset().mean_rating, words)
    chart(drawing, alt="Average rating against number of ratings; the table below has the best")
    rows = [
        {
            "Place": str(i), words.one_first: film_label(film.title, film.year), "Average": stars(film.average_rating),
            "Ratings": count(film.rating_count), "Genres": ", ".join(film.genres),
        }
        for i, film in enumerate(top_films[:25], 1)
    ]  # fmt: skip
    st.html(cards.table(rows))


def _genres(api: Api) -> None:
    words = source.words()
    measures = {"average_rating": "Average rating", "ratings": "Ratings", "movies": words.many_first}
    if not words.has_ratings:
        del measures["average_rating"]
    first = next(iter(measures))
    view = st.segmented_control(
        "Compare by", list(measures), default=first, required=True, key="by", format_func=lambda by: measures[by],
        bind="query-params",
    )  # fmt: skip
    drawing = partial(genre_bars, api.genres(), view or first, words)
    chart(drawing, alt=f"Genres by {measures[view or first].lower()}")
    genre = _genre(api, st.container(), everything=False)
    if genre is None:
        return
    st.subheader(f"The best of {cards.plain(genre)}", anchor=False)
    best = api.top("average" if words.has_ratings else "count", n=8, genre=genre, min_ratings=20)
    poster_links(best, with_ratings=True)
    st.subheader(f"{cards.plain(genre)} through the decades", anchor=False)
    decades = partial(genre_by_release, api.release_years(genre), genre_colour(genre), words)
    chart(decades, alt=f"{genre}: share of all ratings and average, by year of release")
    _over_time(api, genre=genre)


def _all_over_time(api: Api) -> None:
    _over_time(api, genre=_genre(api, st.container()))


def _over_time(api: Api, *, movie_id: int | str | None = None, genre: str | None = None) -> None:
    periods = _optional(lambda: api.over_time(movie_id=movie_id, genre=genre))
    st.subheader("When the ratings came in", anchor=False)
    if not periods:
        st.info("This model version does not know when ratings were given.", icon=":material/info:")
        return
    chart(partial(ratings_by_period, periods, source.words()), alt="Ratings by the time when they were given")


def _legend(films: Sequence[Film]) -> None:
    st.html(cards.genre_legend([main_genre(film.genres) for film in films]))


def _genre(api: Api, where: st.delta_generator.DeltaGenerator, *, everything: bool = True) -> str | None:
    """Draw the choice of a genre and return it; None for all genres."""
    names = [genre.genre for genre in api.genres() if genre.ratings]
    if not names:
        return None
    options = [ALL_GENRES, *names] if everything else names
    key = "genre" if everything else "one-genre"
    chosen = where.selectbox("Genre", options, key=key, bind="query-params")
    return None if chosen in (None, ALL_GENRES) else chosen


def _optional(ask: Callable[[], T]) -> T | None:
    """Return the answer of a call, or None where the served version lacks that data."""
    return optional(ask, kind="not-in-model")


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
