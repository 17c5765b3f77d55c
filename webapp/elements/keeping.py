"""What the visitor said of films, as this session knows it and as the browser stores it."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import streamlit as st

from webapp.data_words import DataWords
from webapp.elements.inline import component
from webapp.shelf import Entry, RawId, Shelf, from_text, ratings, to_text

SHELF, OF, VERSION, LOADED = "shelf", "shelf-of", "shelf-version", "shelf-loaded"  # keys of the session state
_KEEPER = "keeper"
MOST_LETTERS = 5_000_000  # what browsers store for one site


def kept() -> dict[RawId, Entry]:
    """Return what the visitor said, by movie_id."""
    shelf: dict[RawId, Entry] = st.session_state.setdefault(SHELF, {})
    return shelf


def keep(shelf: Shelf) -> None:
    """Hold what the visitor said now; the browser stores it as soon as the page is drawn."""
    st.session_state[SHELF] = dict(shelf)
    st.session_state[VERSION] = uuid4().hex


def keeper(dataset: str, words: DataWords) -> None:
    """Connect this session to the browser's storage, and draw the bar that leads to the list.

    What is said of one data set is kept apart from what is said of another.
    """
    if st.session_state.get(OF) != dataset:
        st.session_state.update({OF: dataset, SHELF: {}, VERSION: "", LOADED: False})
    shelf = kept()
    count = len(ratings(shelf))
    verb = "rated" if words.has_ratings else "liked"
    data = {
        "dataset": dataset, "text": to_text(shelf), "version": st.session_state[VERSION],
        "is_loaded": st.session_state[LOADED], "bar": f"{count} {verb} · see your list" if count else "",
    }  # fmt: skip
    scale = (words.scale.minimum, words.scale.maximum) if words.has_ratings else (0.0, float("inf"))
    component("keeper")(key=f"{_KEEPER}-{dataset}", data=data, on_stored_change=partial(_take, dataset, scale))


def _take(dataset: str, scale: tuple[float, float]) -> None:
    """Take over what the browser has stored; what was said before it arrived stands above it."""
    stored = st.session_state[f"{_KEEPER}-{dataset}"].get("stored") or {}
    shelf = from_text(str(stored.get("text", ""))[:MOST_LETTERS], scale)
    st.session_state[LOADED] = True
    if stored.get("is_whole"):  # another tab wrote it
        st.session_state[SHELF] = shelf
    elif kept():
        keep({**shelf, **kept()})
    else:
        st.session_state[SHELF] = shelf
