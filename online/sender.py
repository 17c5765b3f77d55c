"""Sends events from an API worker to the writer process, and waits until they are on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from online.events import Event
from online.store import DIRECTORY
from online.writer import MESSAGE_BYTES, socket_path
from recommender.errors import MovierecError

ANSWER_SECONDS = 5.0


class EventsNotKeptError(MovierecError):
    """Events that are not on the disk, as far as anybody knows: their caller may send them again."""


class EventSender:
    """One connection to the writer; made when it is needed, and again when the writer has been started again."""

    def __init__(self, store: Path) -> None:
        self._directory = store / DIRECTORY
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def add(self, events: Sequence[Event]) -> int:
        """Return how many of the events are new, when all are on the disk. Raises EventsNotKeptError."""
        return int((await self._ask({"add": [list(event) for event in events]}))["new"])

    async def erase(self, visitor: str) -> int:
        """Return how many events of a visitor were removed. Raises EventsNotKeptError where that failed."""
        return int((await self._ask({"erase": visitor}))["removed"])

    async def close(self) -> None:
        """Close the connection."""
        if (writer := self._hang_up()) is not None:
            with suppress(OSError):
                await writer.wait_closed()

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        line = orjson.dumps(message) + b"\n"
        async with self._turn:
            try:
                answer = await asyncio.wait_for(self._exchange(line), ANSWER_SECONDS)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self._hang_up()
                raise EventsNotKeptError("The process that writes events does not answer.") from error
        if "error" in answer:
            raise EventsNotKeptError(answer["error"])
        return answer

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._streams is None:
            path = await asyncio.to_thread(socket_path, self._directory)
            self._streams = await asyncio.open_unix_connection(path, limit=MESSAGE_BYTES)
        reader, writer = self._streams
        writer.write(line)
        await writer.drain()
        answer: dict[str, Any] = orjson.loads(await reader.readline())  # nothing, at the end, is no JSON
        return answer

    def _hang_up(self) -> asyncio.StreamWriter | None:
        writer = self._streams[1] if self._streams else None
        self._streams = None
        if writer is not None:
            writer.close()
        return writer
