"""The process that writes events: takes batches from the API's workers over a Unix socket and commits them in groups.

While one commit waits for the disk, the batches of all workers gather in the socket and become the next one: many
callers share one flush. A batch is answered only when it is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog

from online.events import Event
from online.signing_keys import keep_keys
from online.store import DIRECTORY, EventWriter, events_file
from recommender.errors import MovierecError

SOCKET = "writer.sock"
MESSAGE_BYTES = 8 << 20
UPKEEP_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Limits(NamedTuple):
    """What is kept, and how much of it."""

    days: float  # events are removed when they came in so long ago
    max_bytes: int  # of the file and its log; beyond, events are refused


class Work(NamedTuple):
    """A message of a worker, and where its answer goes."""

    message: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]]


def socket_path(directory: Path) -> str:
    """Return a path to the writer's socket that fits into an address, which has 108 bytes, however deep the store lies.

    Linux names an open directory by its number; the number stays open as long as this process runs.
    """
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").is_dir():
        return path
    return f"/proc/self/fd/{os.open(directory, os.O_RDONLY | os.O_DIRECTORY)}/{SOCKET}"


def run(store: Path, limits: Limits) -> None:
    """Write events into a service's store until a signal ends the process."""
    directory = store / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(_serve(directory, EventWriter(events_file(store)), limits))


async def _serve(directory: Path, writer: EventWriter, limits: Limits) -> None:
    queue: asyncio.Queue[Work] = asyncio.Queue()

    async def talk(reader: asyncio.StreamReader, output: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
                queue.put_nowait(Work(orjson.loads(line), answer))
                output.write(orjson.dumps(await answer) + b"\n")
                await output.drain()
        output.close()

    server = await asyncio.start_unix_server(talk, socket_path(directory), limit=MESSAGE_BYTES)
    upkeep = asyncio.create_task(_keep_up(directory, writer, limits))
    async with server:
        while not upkeep.done():
            group = [await queue.get()]
            await asyncio.sleep(0)  # lets batches that wait in the sockets join the group
            while not queue.empty():
                group.append(queue.get_nowait())
            _write(writer, group, limits)
    await upkeep


def _write(writer: EventWriter, group: list[Work], limits: Limits) -> None:
    """Write a group's events with one commit, then do its erasures; answer each message."""
    adding = [work for work in group if "add" in work.message]
    outcome: dict[str, Any]
    try:
        if adding and writer.size() > limits.max_bytes:
            raise MovierecError("The events hold as much as they may (MOVIEREC_EVENTS_MAX_BYTES).")
        for work, new in zip(adding, writer.add([_events(work) for work in adding]), strict=True):
            work.answer.set_result({"new": new})
    except (MovierecError, OSError, ValueError) as error:
        log.warning("events_not_written", error=str(error))
        outcome = {"error": str(error)}
        for work in adding:
            work.answer.set_result(outcome)
    for work in group:
        if "erase" in work.message:
            try:
                outcome = {"removed": writer.erase(work.message["erase"])}
            except MovierecError as error:
                outcome = {"error": str(error)}
            work.answer.set_result(outcome)


def _events(work: Work) -> list[Event]:
    return [Event(*fields) for fields in work.message["add"]]


async def _keep_up(directory: Path, writer: EventWriter, limits: Limits) -> None:
    """Remove what is too old and rotate the keys, for ever."""
    while True:
        with suppress(MovierecError):  # a reader holds the log; the next round tries again
            writer.expire(time.time() - limits.days * 86_400)
        keep_keys(directory, time.time())
        await asyncio.sleep(UPKEEP_SECONDS)
