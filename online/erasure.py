"""Erase a visitor from a service's store, whether or not the service runs."""

from __future__ import annotations

from pathlib import Path

from online.sender import EventSender
from online.store import events_file
from online.writer import AnotherWriterError, only_writer
from recommender.errors import MissingInputError


async def erase(store: Path, visitor: str) -> int:
    """Return how many events of a visitor were removed: by the process that writes events, or without one, here."""
    if not events_file(store).is_file():
        raise MissingInputError(f"No events at {events_file(store)}; name another store with --store.")
    try:
        with only_writer(store) as writer:
            return writer.erase(visitor)
    except AnotherWriterError:
        sender = EventSender(store)
        try:
            return await sender.erase(visitor)
        finally:
            await sender.close()
