"""Controls by which a visitor rates one film: stars, thumbs or a scale, by the data set; a like for events."""

from __future__ import annotations

import streamlit as st

from client.answers import Film, MapFilm
from webapp.data_words import DataWords
from webapp.state import Taste, rated

TASTE = "taste"  # key of the session state; nothing is stored elsewhere


def rate(film: Film | MapFilm, taste: Taste, where: str, words: DataWords) -> None:
    """Draw the control that rates `film`, showing what `taste` holds; `where`: tells apart several on one page."""
    rating = taste.get(film.movie_id)
    key = f"{where}-stars-{film.movie_id}"
    if not words.has_ratings:
        _show(key, rating is not None)
        st.toggle("I like it", key=key, on_change=_liked, args=(film.movie_id, key, words.scale.like))
    elif words.in_stars:
        _show(key, None if rating is None else round(rating) - 1)
        st.feedback("stars", key=key, on_change=_picked, args=(film.movie_id, key, [1.0, 2.0, 3.0, 4.0, 5.0]))
    elif len(words.values) == 2:
        _show(key, None if rating is None else words.values.index(rating))
        st.feedback("thumbs", key=key, on_change=_picked, args=(film.movie_id, key, words.values))
    else:
        _show(key, rating)
        st.selectbox(
            f"Rating of {film.title}", words.values[::-1], index=None, key=key, placeholder="Rate it",
            format_func=lambda value: f"{value:g}", label_visibility="collapsed", on_change=_chosen,
            args=(film.movie_id, key),
        )  # fmt: skip


def _show(key: str, value: object) -> None:
    """Set a control to what was said; only if it differs, for it would overrule a click that arrives meanwhile."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _picked(movie_id: int | str, key: str, values: list[float]) -> None:
    choice = st.session_state[key]
    _chose(movie_id, None if choice is None else values[choice])


def _chosen(movie_id: int | str, key: str) -> None:
    _chose(movie_id, st.session_state[key])


def _liked(movie_id: int | str, key: str, weight: float) -> None:
    _chose(movie_id, weight if st.session_state[key] else None)


def _chose(movie_id: int | str, rating: float | None) -> None:
    st.session_state[TASTE] = rated(st.session_state[TASTE], movie_id, rating)
