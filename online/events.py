"""What callers report: that items were shown, clicked, watched, rated or dismissed."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

ITEMS_AT_MOST = 100
KEY_LENGTH = 64  # characters of a visitor's key and of an event's id
KEY_PATTERN = rf"^[!-~]{{1,{KEY_LENGTH}}}$"  # visible ASCII: a key also stands in a header


class Kind(StrEnum):
    """The kinds of events, by what a person did."""

    SHOWN = "shown"
    CLICKED = "clicked"
    WATCHED = "watched"
    RATED = "rated"
    DISMISSED = "dismissed"


class Event(NamedTuple):
    """One event, checked. Exactly one of `visitor` and `user_id` is not empty.

    Items are raw ids as text; those of `shown` stand in the order in which they were shown.
    """

    kind: str
    visitor: str  # the caller's key of a person; the service knows nothing else of them
    user_id: str  # of a user of the training data; only whoever holds the admin token may send one
    items: tuple[str, ...]
    rating: float | None
    recommendation: str  # the id of the answer that led to it, or ""
    time: float  # seconds since 1970, by the caller's clock where it sent one
    received: float  # by the service's clock
    event_id: str  # the caller's; of one person each counts once. "" counts every time
    position: int = 1  # in the list, of the first of the items
