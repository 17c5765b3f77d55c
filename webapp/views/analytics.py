"""Analytics: what people rated, and how."""

from __future__ import annotations

import streamlit as st

from webapp import source
from webapp.api_client import Api
from webapp.cards import hero
from webapp.charts.films import average_against_count, genre_bars, most_rated, rating_shares
from webapp.frame import guarded, heading, run_guarded
from webapp.picker import pick_film
from webapp.wording import film_label

GENRE_VIEWS = {"average_rating": "Average rating", "ratings": "Ratings", "movies": "Films"}


def draw() -> None:
    """The page."""
    heading(
        "What people rated, and how",
        "The ratings that the served model learned from, from whole genres down to one film.",
    )
    api = source.api()
    one, most, best, genres = st.tabs(["One film", "Most rated", "Best rated", "Genres"])
    with one, guarded("one"):
        _one_film(api)
    with most, guarded("most"):
        _most_rated(api)
    with best, guarded("best"):
        _best_rated(api)
    with genres, guarded("genres"):
        _genres(api)


def _one_film(api: Api) -> None:
    film = pick_film(api, "film", label="Film") or api.top("count", n=1)[0]
    ratings, summary = api.ratings(film.movie_id), api.summary()
    st.html(hero(film))
    if not ratings.rating_count:
        st.info("Nobody has rated this film yet.", icon=":material/info:")
        return
    st.altair_chart(
        rating_shares([(film_label(film.title, film.year), ratings.histogram), ("All films", summary.histogram)]),
        width="stretch",
    )


def _most_rated(api: Api) -> None:
    n = st.slider("Films", 5, 50, 20, key="top_n")
    st.altair_chart(most_rated(api.top("count", n=n)), width="stretch")


def _best_rated(api: Api) -> None:
    least = st.slider("Leave out films with fewer ratings than", 1, 500, 50, key="least")
    films = api.top("average", n=100, min_ratings=least)
    if not films:
        st.info("No film has that many ratings.", icon=":material/info:")
        return
    st.html(
        '<p class="mr-note">The best hundred by a damped average: each film starts with ten ratings of the overall '
        "average (the dashed line), so that three enthusiasts do not make a masterpiece.</p>"
    )
    st.altair_chart(average_against_count(films, api.summary().dataset.mean_rating), width="stretch")


def _genres(api: Api) -> None:
    view = st.segmented_control(
        "Show", list(GENRE_VIEWS), default="average_rating", required=True, format_func=lambda by: GENRE_VIEWS[by]
    )
    st.altair_chart(genre_bars(api.genres(), view or "average_rating"), width="stretch")


if __name__ == "__main__":
    run_guarded(draw)
