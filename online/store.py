"""The events on disk: one SQLite file in the service's store, written by one process and read by any number.

`SCHEMA` is all there is. The file is in WAL mode, so that readers never wait for the writer; a commit is on the disk
when it returns; what is erased is overwritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import orjson

from online.events import Event, Kind
from recommender.errors import MissingInputError, MovierecError

DIRECTORY = "online"  # in the service's store
FILE = "events.sqlite"
LAYOUT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were accepted
    kind           TEXT NOT NULL,                      -- shown, clicked, watched, rated or dismissed
    visitor        TEXT NOT NULL,                      -- the caller's key of a person, or ''
    user_id        TEXT NOT NULL,                      -- a user of the training data, or ''
    items          TEXT NOT NULL,                      -- raw ids, a JSON array of texts; of shown in their order
    rating         REAL,                               -- of rated alone, on the scale of the data set
    recommendation TEXT NOT NULL,                      -- the signed id of the answer that led to it, or ''
    time           REAL NOT NULL,                      -- seconds since 1970 when it happened, as the caller says
    received       REAL NOT NULL,                      -- seconds since 1970 when it came in
    event_id       TEXT,                               -- the caller's id; a person's second of one id is dropped
    position       INTEGER NOT NULL                    -- in the list from 1; of shown that of its first item
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS events_once ON events (visitor, user_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_of ON events (visitor, kind);
CREATE INDEX IF NOT EXISTS events_received ON events (received);
"""
_INSERT = "INSERT OR IGNORE INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "kind, visitor, user_id, items, rating, recommendation, time, received, event_id, position"
EXPIRED_AT_ONCE = 5_000  # short enough for events to be written in between
_SCANNED_BYTES = 1 << 20
_WRITE_SECONDS = 0.5  # longest wait for a reader that holds the log: callers wait behind it
_READ_SECONDS = 0.5  # longest wait of a reader, while a writer that was killed is started again


class EventsFullError(MovierecError):
    """No more events can be kept: the disk is full, or the file as large as it may be."""


def events_file(store: Path) -> Path:
    """Return where the events of a service's store are."""
    return store / DIRECTORY / FILE


class EventWriter:
    """The one writer of a file of events."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises MovierecError where it is no file of events or of a newer release."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # what people do is nobody else's business
        self._path = path
        self._inode = _inode(path)
        self._connection = sqlite3.connect(path, _WRITE_SECONDS, isolation_level=None)
        self._has_traces = True  # bytes of removed rows may be in the log, of whoever wrote before
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
            self._connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten with zeros
            (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
            if layout > LAYOUT:
                raise MovierecError(f"{path} was written by a newer release (layout {layout}, expected {LAYOUT}).")
            self._connection.executescript(SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {LAYOUT}")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise MovierecError(f"{path} cannot be used as a file of events: {error}.") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def is_in_place(self) -> bool:
        """Return whether the file is still where it was opened; what is written to a removed one is lost."""
        return _inode(self._path) == self._inode

    def add(self, batches: Iterable[Iterable[Event]]) -> list[int]:
        """Write batches of events, on the disk when it returns, all or none; return how many of each are new.

        Raises EventsFullError where the disk takes no more, MovierecError where the file cannot be written.
        """
        counts = [self._connection.total_changes]
        try:
            with self._transaction():
                for events in batches:
                    self._connection.executemany(_INSERT, map(_row, events))
                    counts.append(self._connection.total_changes)
        except sqlite3.OperationalError as error:
            is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            raise (EventsFullError if is_full else MovierecError)(f"The events cannot be written: {error}.") from error
        return [after - before for before, after in pairwise(counts)]

    def size(self) -> int:
        """Return the bytes in use, in the file and its log; pages of removed events are used again."""
        pages, free, page_bytes = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page_bytes) + self._log_bytes()

    def _log_bytes(self) -> int:
        try:
            return self._path.with_name(f"{self._path.name}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def erase(self, visitor: str) -> int:
        """Remove all events of a visitor, and every trace of the key in the file and its log; return how many.

        Raises MovierecError where a reader holds the log.
        """
        with self._transaction():
            removed = self._connection.execute("DELETE FROM events WHERE visitor = ?", (visitor,)).rowcount
        self._has_traces = True
        self.remove_traces()
        if _holds(self._path, visitor.encode()):
            # SQLite overwrites rows where they are, but not where they were before it split a page. The rows may have
            # been removed by an earlier call, which a reader kept from this.
            self._connection.execute("VACUUM")
            self._has_traces = True
            self.remove_traces()
        return removed

    def expire(self, before: float) -> int:
        """Remove events that came in before that time, at most EXPIRED_AT_ONCE; return how many.

        Not the first ones by number: behind events of a time when the clock was ahead there may be older ones.
        """
        old = f"SELECT number FROM events WHERE received < ? LIMIT {EXPIRED_AT_ONCE}"
        with self._transaction():
            removed = self._connection.execute(f"DELETE FROM events WHERE number IN ({old})", (before,)).rowcount
        self._has_traces |= removed > 0
        return removed

    def remove_traces(self) -> None:
        """Move the log into the file and cut it, so that no bytes of removed rows are left in it."""
        if not self._has_traces:
            return
        blocked, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if blocked:
            raise MovierecError("The events are removed, but a reader holds their log; erase again when it has ended.")
        self._has_traces = False

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection  # as a context manager it commits, or rolls back after an error


class EventReader:
    """Reads a file of events while the writer writes."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises MissingInputError where there is none."""
        if not path.is_file():
            raise MissingInputError(
                f"No events at {path}. A service with MOVIEREC_EVENTS=true writes them there when callers POST /events."
            )
        self._path = path
        self._inode = _inode(path)
        address = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(address, _READ_SECONDS, uri=True, check_same_thread=False)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def is_in_place(self) -> bool:
        """Return whether the file is still where it was opened."""
        return _inode(self._path) == self._inode

    def events(
        self, kinds: Sequence[str] = tuple(Kind), *, after: int = 0, since: float = 0.0
    ) -> Iterator[tuple[int, Event]]:
        """Yield the number and the event of those kinds, in their order.

        `after`: a number that theirs are above; `since`: a time from which on they came in.
        """
        places = ", ".join("?" * len(kinds))
        query = (
            f"SELECT number, {_COLUMNS} FROM events WHERE number > ? AND received >= ? AND kind IN ({places}) "
            "ORDER BY number"
        )
        with closing(self._connection.execute(query, (after, since, *kinds))) as rows:
            for number, *columns in rows:
                event = Event(*columns)
                yield number, event._replace(items=tuple(orjson.loads(columns[3])), event_id=event.event_id or "")

    def last_number(self) -> int:
        """Return the number of the latest event; 0 without any."""
        (number,) = self._connection.execute("SELECT max(number) FROM events").fetchone()
        return number or 0

    def dismissed(self, visitor: str) -> frozenset[str]:
        """Return the ids of the items that a visitor has dismissed."""
        query = "SELECT items FROM events WHERE visitor = ? AND kind = 'dismissed'"
        return frozenset(
            item for (items,) in self._connection.execute(query, (visitor,)) for item in orjson.loads(items)
        )


def _row(event: Event) -> tuple[object, ...]:
    kind, visitor, user_id, items, *figures, event_id, position = event
    return kind, visitor, user_id, orjson.dumps(items).decode(), *figures, event_id or None, position


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _holds(path: Path, key: bytes) -> bool:
    """Return whether the bytes of `key` are anywhere in the file."""
    end_of_last = b""
    with path.open("rb") as file:
        while chunk := file.read(_SCANNED_BYTES):
            if key in end_of_last + chunk:
                return True
            end_of_last = chunk[-len(key) :]
    return False
