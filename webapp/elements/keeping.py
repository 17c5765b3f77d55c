"""The visitor's shelf (ratings and marks): held by the Streamlit session and stored by the browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from webapp.data_words import DataWords
from webapp.elements.inline import component
from webapp.shelf import Entry, RawId, Shelf, from_text, ratings, to_text

_STATE = "shelf"  # key of the session state
_KEEPER = "keeper"
MOST_LETTERS = 5_000_000  # what browsers store for one site


@dataclass
class SessionShelf:
    """The shelf of one data set in this session, and its state in the browser's storage."""

    dataset: str = ""
    shelf: dict[RawId, Entry] = field(default_factory=dict)
    version: str = ""  # changes with the shelf, so that the browser stores it again
    is_loaded: bool = False  # whether the browser's storage has arrived


def in_callback() -> dict[str, Any]:
    """Return the values of the session for a callback that the visitor's next click must not stop.

    Streamlit would stop it where it reads or writes `st.session_state` itself, and forget what it was called for.
    """
    return st.session_state.to_dict()


def _session_shelf() -> SessionShelf:
    session: SessionShelf | None = in_callback().get(_STATE)
    return session or st.session_state.setdefault(_STATE, SessionShelf())


def current_shelf() -> dict[RawId, Entry]:
    """Return the visitor's ratings and marks, by movie_id."""
    return _session_shelf().shelf


def set_shelf(shelf: Shelf) -> None:
    """Replace the shelf of this session; the browser stores it as soon as the page is drawn."""
    session = _session_shelf()
    session.shelf, session.version = dict(shelf), uuid4().hex


def keeper(dataset: str, words: DataWords) -> None:
    """Connect this session to the browser's storage, and draw the bar that leads to the list.

    Each data set has a shelf of its own.
    """
    if _session_shelf().dataset != dataset:
        st.session_state[_STATE] = SessionShelf(dataset)
    session = _session_shelf()
    count = len(ratings(session.shelf))
    verb = "rated" if words.has_ratings else "liked"
    data = {
        "dataset": dataset, "text": to_text(session.shelf), "version": session.version, "is_loaded": session.is_loaded,
        "bar": f"{count} {verb} · see your list" if count else "",
    }  # fmt: skip
    scale = (words.scale.minimum, words.scale.maximum) if words.has_ratings else (0.0, float("inf"))
    component("keeper")(key=f"{_KEEPER}-{dataset}", data=data, on_stored_change=partial(_take, dataset, scale))


def _take(dataset: str, scale: tuple[float, float]) -> None:
    """Take over the shelf that the browser has stored; entries made before it arrived replace stored ones."""
    stored = in_callback()[f"{_KEEPER}-{dataset}"].get("stored") or {}
    shelf = from_text(str(stored.get("text", ""))[:MOST_LETTERS], scale)
    session = _session_shelf()
    session.is_loaded = True
    if stored.get("is_whole") or not session.shelf:  # another tab wrote it, or nothing is rated or marked here
        session.shelf = shelf
    else:
        set_shelf({**shelf, **session.shelf})
