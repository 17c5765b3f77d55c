"""Which items a visitor has dismissed, read for each list that is made for the visitor."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from online.store import EventReader, events_file
from recommender.errors import MissingInputError

NOTHING: frozenset[str] = frozenset()

log = structlog.get_logger(__name__)


class Dismissals:
    """Reads the events of a service's store; opens the file again when the writer has made another."""

    def __init__(self, store: Path) -> None:
        self._path = events_file(store)
        self._reader: EventReader | None = None

    def of(self, visitor: str) -> frozenset[str]:
        """Return the ids of the items that a visitor has dismissed; none while the events cannot be read."""
        try:
            if self._reader is None or not self._reader.is_in_place:
                self.close()
                self._reader = EventReader(self._path)
            return self._reader.dismissed(visitor)
        except MissingInputError:  # nobody has sent events yet
            return NOTHING
        except sqlite3.Error as error:
            log.warning("dismissals_not_read", error=str(error))
            self.close()
            return NOTHING

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None
