"""The process that writes events: takes batches from the API's workers over a Unix socket and commits them in groups.

While one commit waits for the disk, the batches of all workers gather in the socket and become the next one: many
callers share one flush. A batch is answered only when it is on the disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog

from online.events import Event
from online.signing_keys import keep_keys, read_keys
from online.store import DIRECTORY, EventsFullError, EventWriter, events_file
from recommender.errors import MovierecError

SOCKET = "writer.sock"
LOCK = "writer.lock"
MESSAGE_BYTES = 32 << 20
UPKEEP_SECONDS = 60.0
BEAT_SECONDS = 1.0

log = structlog.get_logger(__name__)
_FAULTS = (MovierecError, OSError, sqlite3.Error)


class AnotherWriterError(MovierecError):
    """The events have a writer already."""


class Limits(NamedTuple):
    """What is kept, and how much of it."""

    days: float  # events are removed when they came in so long ago
    max_bytes: int  # of the file and its log; beyond, events are refused


class Work(NamedTuple):
    """A message of a worker, and where its answer goes."""

    message: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]]


@contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """Give a path to the writer's socket that fits into an address, which has 108 bytes, however deep the store lies.

    Linux names an open directory by its number.
    """
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").is_dir():
        yield path
        return
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{number}/{SOCKET}"
    finally:
        os.close(number)


@contextmanager
def only_writer(store: Path) -> Iterator[EventWriter]:
    """Open the events of a service's store for writing. Raises MovierecError while another process writes them."""
    directory = store / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AnotherWriterError(f"Another process writes the events in {directory}.") from error
        writer = EventWriter(events_file(store))
        try:
            yield writer
        finally:
            writer.close()


def run(store: Path, limits: Limits, beat: Callable[[], None] = lambda: None) -> None:
    """Write events into a service's store until a signal ends the process; call `beat` every second."""
    try:
        with only_writer(store) as writer:
            asyncio.run(_Writing(store / DIRECTORY, writer, limits).serve(beat))
    except (MovierecError, OSError) as error:
        log.error("events_writer_ends", error=str(error))  # it is started again
        sys.exit(1)


class _Writing:
    """Takes messages from the socket and writes them in groups."""

    def __init__(self, directory: Path, writer: EventWriter, limits: Limits) -> None:
        self._directory = directory
        self._writer = writer
        self._limits = limits
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._is_failing = False

    async def serve(self, beat: Callable[[], None]) -> None:
        """Serve until the file is gone from its place."""
        with socket_path(self._directory) as path:
            server = await asyncio.start_unix_server(self._talk, path, limit=MESSAGE_BYTES)
        beating, upkeep = asyncio.create_task(self._watch(beat)), asyncio.create_task(self._keep_up())
        try:
            while self._writer.is_in_place:
                group = [await self._queue.get()]
                await asyncio.sleep(0)  # lets batches that wait in the sockets join the group
                while not self._queue.empty():
                    group.append(self._queue.get_nowait())
                self._write(group)
        finally:
            beating.cancel()
            upkeep.cancel()
            server.close()
        raise MovierecError(f"The events in {self._directory} were removed or replaced.")

    async def _talk(self, reader: asyncio.StreamReader, output: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
                self._queue.put_nowait(Work(orjson.loads(line), answer))
                output.write(orjson.dumps(await answer) + b"\n")
                await output.drain()
        output.close()

    def _write(self, group: list[Work]) -> None:
        """Write a group's events with one commit, then do its erasures; answer each message."""
        adding = [work for work in group if "add" in work.message]
        batches = [[Event(*fields) for fields in batch] for work in adding for batch in work.message["add"]]
        if adding:
            try:
                counts = iter(self._add(batches))
                outcomes = [{"new": [next(counts) for _ in work.message["add"]]} for work in adding]
                self._is_failing = False
            except _FAULTS as error:
                if not self._is_failing:  # once, until it works again
                    log.error("events_not_written", error=str(error))
                self._is_failing = True
                outcomes = [_failure(error)] * len(adding)
            for work, outcome in zip(adding, outcomes, strict=True):
                work.answer.set_result(outcome)
        for work in group:
            if "erase" in work.message:
                work.answer.set_result(self._erase(work.message["erase"]))

    def _add(self, batches: list[list[Event]]) -> list[int]:
        if self._writer.size() > self._limits.max_bytes:
            raise EventsFullError("The events hold as much as they may (MOVIEREC_EVENTS_MAX_BYTES).")
        if not self._writer.is_in_place:
            raise MovierecError("The events were removed or replaced.")
        return self._writer.add(batches)

    def _erase(self, visitor: str) -> dict[str, Any]:
        try:
            return {"removed": self._writer.erase(visitor)}
        except _FAULTS as error:
            return _failure(error)

    async def _watch(self, beat: Callable[[], None]) -> None:
        """Say every second that this process runs; wake it where the file has gone, for nobody may reach it then."""
        while True:
            beat()
            if not self._writer.is_in_place:
                self._queue.put_nowait(Work({}, asyncio.get_running_loop().create_future()))
            await asyncio.sleep(BEAT_SECONDS)

    async def _keep_up(self) -> None:
        """Remove what is too old and rotate the keys, or write them anew where their file is damaged, for ever."""
        keys = read_keys(self._directory)
        while True:
            try:
                while self._writer.expire(time.time() - self._limits.days * 86_400):
                    await asyncio.sleep(0.01)
                self._writer.remove_traces()
                keys = keep_keys(self._directory, time.time(), keys)
            except _FAULTS as error:  # the next round tries again
                log.warning("events_upkeep_failed", error=str(error))
            await asyncio.sleep(UPKEEP_SECONDS)


def _failure(error: Exception) -> dict[str, Any]:
    return {"error": str(error), "full": isinstance(error, EventsFullError)}
