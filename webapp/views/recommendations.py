"""Recommendations: a film in, films like it out."""

from __future__ import annotations

import streamlit as st

from webapp import cards, source
from webapp.api_client import Api, query_string
from webapp.api_models import Film, Recommendations
from webapp.exports import recommendations_csv
from webapp.frame import heading, run_guarded
from webapp.picker import choose, pick_film, references

FILM = "film"
SCORE_NOTE = "How alike the two films are to the model: the weighted cosine of what it knows about each. 1 is the same."


def draw() -> None:
    """The page."""
    heading(
        "Films like a film", "Choose a film that you like. The list below comes straight from the model that is served."
    )
    api = source.api()
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    with left:
        film = pick_film(api, FILM, label="A film that you like")
    with right:
        n = st.slider("How many", 4, 40, 12, key="n", bind="query-params")
    if film is None:
        _invite(api)
        return
    st.html(cards.hero(film))
    _listing(api.recommend(query_string(title=references([film])[0], n=n)))


def _listing(answer: Recommendations) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{len(answer.recommendations)} films like {answer.query.title}", anchor=False)
        st.download_button(
            "Download CSV", recommendations_csv(answer), f"like-{answer.query.movie_id}.csv", "text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    with st.grid("auto", min_column_width=320, gap="small"):
        for film, reference in zip(answer.recommendations, references(answer.recommendations), strict=True):
            with st.container(border=True, key=f"card-{film.movie_id}"):
                bar = cards.score_bar("Similarity", f"{film.score:.2f}", film.score, SCORE_NOTE)
                st.html(cards.recommendation(film, bar))
                st.button(
                    "More like this", key=f"more-{film.movie_id}", type="tertiary", icon=":material/arrow_forward:",
                    on_click=choose, args=(FILM, reference),
                )  # fmt: skip


def _invite(api: Api) -> None:
    """Well-known films to begin with."""
    st.subheader("Or begin with one of these", anchor=False)
    films = api.top("count", n=12)
    with st.grid("auto", min_column_width=130, gap="small"):
        for film, reference in zip(films, references(films), strict=True):
            _starter(film, reference)


def _starter(film: Film, reference: str) -> None:
    with st.container(key=f"start-{film.movie_id}", gap="xsmall"):
        st.html(cards.poster(film))
        st.button(
            film.title, key=f"pick-{film.movie_id}", type="tertiary", width="stretch", on_click=choose,
            args=(FILM, reference),
        )  # fmt: skip


if __name__ == "__main__":
    run_guarded(draw)
