"""Controls by which a visitor rates or marks one film: stars, thumbs or a scale, by the data set; a like for events."""

from __future__ import annotations

from typing import Any

import streamlit as st

from client.answers import Film, MapFilm, Recommendation
from webapp import shelf
from webapp.data_words import DataWords
from webapp.elements.cards import plain
from webapp.elements.keeping import current_shelf, in_callback, set_shelf
from webapp.wording import film_label


def rate(film: Film | MapFilm, where: str, words: DataWords) -> None:
    """Draw the control that rates `film`, showing its rating so far; `where`: makes its key unique on the page."""
    entry = current_shelf().get(film.movie_id)
    rating = entry.rating if entry else None
    key = f"{where}-stars-{film.movie_id}"
    film_args = (film.movie_id, film_label(film.title, film.year), key)
    if not words.has_ratings:
        _show(key, rating is not None)
        st.toggle("I like it", key=key, on_change=_rated, args=(*film_args, {True: words.scale.like, False: None}))
    elif words.in_stars:
        _show(key, None if rating is None else max(round(rating), 1) - 1)
        st.feedback("stars", key=key, on_change=_rated, args=(*film_args, dict(enumerate([1.0, 2.0, 3.0, 4.0, 5.0]))))
    elif len(words.values) == 2:
        _show(key, None if rating is None else words.values.index(rating))
        st.feedback("thumbs", key=key, on_change=_rated, args=(*film_args, dict(enumerate(words.values))))
    else:
        _show(key, rating)
        st.selectbox(
            f"Rating of {film.title}", words.values[::-1], index=None, key=key, placeholder="Rate it",
            format_func=lambda value: f"{value:g}", label_visibility="collapsed", on_change=_chosen, args=film_args,
        )  # fmt: skip


def mark(film: Recommendation, key: str) -> None:
    """Draw the choice that marks a film as seen, to be watched, or not for me."""
    entry = current_shelf().get(film.movie_id)
    _show(key, entry.mark if entry else None)
    label = film_label(film.title, film.year)
    st.pills(
        f"Mark {plain(label)}", shelf.MARKS, key=key, format_func=str.capitalize, label_visibility="collapsed",
        on_change=_marked, args=(film.movie_id, label, key),
    )  # fmt: skip


def _show(key: str, value: object) -> None:
    """Set a control to `value`; only if it differs, for it would overrule a click that arrives meanwhile."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _rated(movie_id: int | str, label: str, key: str, ratings: dict[Any, float | None]) -> None:
    """Store the rating that belongs to the control's value."""
    choice = in_callback()[key]
    if choice is not None:  # a second click on the same star would take it back, as a double click does
        set_shelf(shelf.rated(current_shelf(), movie_id, label, ratings[choice]))


def _chosen(movie_id: int | str, label: str, key: str) -> None:
    set_shelf(shelf.rated(current_shelf(), movie_id, label, in_callback()[key]))


def _marked(movie_id: int | str, label: str, key: str) -> None:
    set_shelf(shelf.marked(current_shelf(), movie_id, label, in_callback()[key]))
