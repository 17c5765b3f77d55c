"""The shelf: a visitor's ratings and marks of films, and their form in the browser's storage; pure functions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

RawId = int | str
Mark = Literal["seen", "watchlist", "not for me"]
MARKS: tuple[Mark, ...] = ("seen", "watchlist", "not for me")
AWAY: tuple[Mark, ...] = ("seen", "not for me")  # films so marked stay out of the list
LONGEST_TITLE = 300
MOST = 10_000  # entries; the service takes no longer history


@dataclass(frozen=True)
class Entry:
    """A visitor's entry for one film: its rating, on the data set's scale, or a mark, or both."""

    label: str
    rating: float | None = None
    mark: Mark | None = None


Shelf = Mapping[RawId, Entry]


def rated(shelf: Shelf, movie_id: RawId, label: str, rating: float | None) -> dict[RawId, Entry]:
    """Return the shelf after a film was rated; None removes its rating."""
    return _put(shelf, movie_id, replace(shelf.get(movie_id, Entry(label)), label=label, rating=rating))


def marked(shelf: Shelf, movie_id: RawId, label: str, mark: Mark | None) -> dict[RawId, Entry]:
    """Return the shelf after a film was marked; None removes its mark."""
    return _put(shelf, movie_id, replace(shelf.get(movie_id, Entry(label)), label=label, mark=mark))


def without(shelf: Shelf, movie_id: RawId) -> dict[RawId, Entry]:
    """Return the shelf without a film."""
    return {film: entry for film, entry in shelf.items() if film != movie_id}


def ratings(shelf: Shelf) -> dict[RawId, float]:
    """Return the ratings by movie_id."""
    return {movie_id: entry.rating for movie_id, entry in shelf.items() if entry.rating is not None}


def kept_away(shelf: Shelf) -> list[RawId]:
    """Return the films without a rating whose mark keeps them out of the list, the latest first."""
    return [film for film, entry in reversed(list(shelf.items())) if entry.rating is None and entry.mark in AWAY]


def to_text(shelf: Shelf) -> str:
    """Return the shelf as the text that the browser stores; empty for an empty one."""
    rows = [[movie_id, entry.label, entry.rating, entry.mark] for movie_id, entry in shelf.items()]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) if rows else ""


def from_text(text: str, scale: tuple[float, float]) -> dict[RawId, Entry]:
    """Parse the shelf from a stored text; invalid entries, and ratings outside the scale, are dropped.

    `scale`: least and largest rating. Anybody may have written the text.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    shelf: dict[RawId, Entry] = {}
    for row in rows[:MOST] if isinstance(rows, list) else []:
        match row:
            case [int() | str() as movie_id, str(label), rating, mark] if not isinstance(movie_id, bool):
                entry = Entry(label[:LONGEST_TITLE], rating if _is_on(scale, rating) else None, mark_of(mark))
                if entry != Entry(entry.label):
                    shelf[movie_id] = entry
    return shelf


def mark_of(value: Any) -> Mark | None:
    """Return a value as a mark, None where it is none."""
    return next((mark for mark in MARKS if mark == value), None)


def _is_on(scale: tuple[float, float], value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and scale[0] <= value <= scale[1]


def _put(shelf: Shelf, movie_id: RawId, entry: Entry) -> dict[RawId, Entry]:
    """Return the shelf with the entry as its latest; an empty entry removes the film."""
    others = without(shelf, movie_id)
    return others if entry.rating is None and entry.mark is None else {**others, movie_id: entry}
