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
MOST_WAITING = 10_000  # events; more are refused at once
_SENT_AT_ONCE = 2_000  # events, each of at most 2 kB: a message stays below MESSAGE_BYTES


class EventsNotKeptError(MovierecError):
    """Events that are not on the disk, as far as anybody knows: their caller may send them again."""


class NoRoomError(EventsNotKeptError):
    """Events that are not kept because the disk, or their share of it, is full."""


Batch = tuple[Sequence[Event], asyncio.Future[int]]


class EventSender:
    """One connection to the writer; made when it is needed, and again when the writer has been started again.

    What comes in while an answer is awaited is sent together as the next message: many callers share one flush.
    """

    def __init__(self, store: Path) -> None:
        self._directory = store / DIRECTORY
        self._turn = asyncio.Lock()
        self._waiting: list[Batch] = []
        self._sending: asyncio.Task[None] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def add(self, events: Sequence[Event]) -> int:
        """Return how many of the events are new, when all are on the disk. Raises EventsNotKeptError."""
        if sum(len(waiting) for waiting, _ in self._waiting) + len(events) > MOST_WAITING:
            raise EventsNotKeptError("Too many events are waiting to be written.")
        result: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, result))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_waiting())
        return await result

    async def erase(self, visitor: str) -> int:
        """Return how many events of a visitor were removed. Raises EventsNotKeptError where that failed."""
        return int((await self._ask({"erase": visitor}))["removed"])

    async def close(self) -> None:
        """Close the connection."""
        if (writer := self._hang_up()) is not None:
            with suppress(OSError):
                await writer.wait_closed()

    async def _send_waiting(self) -> None:
        while self._waiting:
            batches = self._take()
            try:
                counts = (await self._ask({"add": [[list(event) for event in events] for events, _ in batches]}))["new"]
            except EventsNotKeptError as error:
                for _, result in batches:
                    if not result.done():  # the caller may have gone
                        result.set_exception(type(error)(str(error)))
                continue
            for (_, result), count in zip(batches, counts, strict=True):
                if not result.done():
                    result.set_result(count)

    def _take(self) -> list[Batch]:
        """Remove and return the batches that have waited longest, as many as one message holds, at least one."""
        count = events = 0
        for batch, _ in self._waiting:
            if count and events + len(batch) > _SENT_AT_ONCE:
                break
            count, events = count + 1, events + len(batch)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        line = orjson.dumps(message) + b"\n"
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await self._exchange(line)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self._hang_up()
                raise EventsNotKeptError("The process that writes events does not answer.") from error
        if "error" in answer:
            raise (NoRoomError if answer["full"] else EventsNotKeptError)(answer["error"])
        return answer

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._streams is None:
            with socket_path(self._directory) as path:
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
