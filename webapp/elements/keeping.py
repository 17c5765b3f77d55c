"""What the visitor said of films, as this session knows it and as the browser stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from webapp.data_words import DataWords
from webapp.elements.inline import component
from webapp.shelf import Entry, RawId, Shelf, from_text, ratings, to_text

HELD = "shelf"  # key of the session state
_KEEPER = "keeper"
MOST_LETTERS = 5_000_000  # what browsers store for one site


@dataclass
class Held:
    """What this session knows of what the visitor said of one data set."""

    dataset: str = ""
    shelf: dict[RawId, Entry] = field(default_factory=dict)
    version: str = ""  # another after each change, which the browser is to store
    is_loaded: bool = False  # whether the browser's storage has arrived


def in_callback() -> dict[str, Any]:
    """Return the values of the session for a callback that the visitor's next click must not stop.

    Streamlit would stop it where it reads or writes `st.session_state` itself, and forget what it was called for.
    """
    return st.session_state.to_dict()


def _held() -> Held:
    held: Held = in_callback().get(HELD) or st.session_state.setdefault(HELD, Held())
    return held


def kept() -> dict[RawId, Entry]:
    """Return what the visitor said, by movie_id."""
    return _held().shelf


def keep(shelf: Shelf) -> None:
    """Hold what the visitor said now; the browser stores it as soon as the page is drawn."""
    held = _held()
    held.shelf, held.version = dict(shelf), uuid4().hex


def keeper(dataset: str, words: DataWords) -> None:
    """Connect this session to the browser's storage, and draw the bar that leads to the list.

    What is said of one data set is kept apart from what is said of another.
    """
    if _held().dataset != dataset:
        st.session_state[HELD] = Held(dataset)
    held = _held()
    count = len(ratings(held.shelf))
    verb = "rated" if words.has_ratings else "liked"
    data = {
        "dataset": dataset, "text": to_text(held.shelf), "version": held.version, "is_loaded": held.is_loaded,
        "bar": f"{count} {verb} · see your list" if count else "",
    }  # fmt: skip
    scale = (words.scale.minimum, words.scale.maximum) if words.has_ratings else (0.0, float("inf"))
    component("keeper")(key=f"{_KEEPER}-{dataset}", data=data, on_stored_change=partial(_take, dataset, scale))


def _take(dataset: str, scale: tuple[float, float]) -> None:
    """Take over what the browser has stored; what was said before it arrived stands above it."""
    stored = in_callback()[f"{_KEEPER}-{dataset}"].get("stored") or {}
    shelf = from_text(str(stored.get("text", ""))[:MOST_LETTERS], scale)
    held = _held()
    held.is_loaded = True
    if stored.get("is_whole") or not held.shelf:  # another tab wrote it, or nothing was said here
        held.shelf = shelf
    else:
        keep({**shelf, **held.shelf})
