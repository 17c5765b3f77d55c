"""The process that writes events: what it acknowledged is on the disk, whatever kills it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from online.events import Event
from online.sender import EventSender, EventsNotKeptError
from online.signing_keys import read_keys
from online.store import DIRECTORY, EventReader, events_file
from online.writer import Limits, run

FORK = multiprocessing.get_context("fork")
LIMITS = Limits(days=1.0, max_bytes=1 << 30)


@contextmanager
def writing(store: Path, limits: Limits = LIMITS) -> Iterator[int]:
    process = FORK.Process(target=run, args=(store, limits))
    process.start()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        process.kill()
        process.join()


async def send(sender: EventSender, events: list[Event]) -> int:
    """Send until the writer takes it, as a caller does that got a 503."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            return await sender.add(events)
        except EventsNotKeptError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.01)


def event(visitor: str, event_id: str) -> Event:
    return Event("clicked", visitor, "", ("1",), None, "", time.time(), time.time(), event_id)


def stored_ids(store: Path) -> list[str]:
    reader = EventReader(events_file(store))
    ids = [stored.event_id for _, stored in reader.events()]
    reader.close()
    return ids


def test_every_acknowledged_event_survives_kills_and_none_is_there_twice(tmp_path: Path) -> None:
    chance = random.Random(3)
    acknowledged: list[str] = []

    async def caller(name: int, stop: asyncio.Event) -> None:
        sender, count = EventSender(tmp_path), 0
        while not stop.is_set():
            ids = [f"{name}-{count + offset}" for offset in range(3)]
            await send(sender, [event(f"v{name}", event_id) for event_id in ids])
            acknowledged.extend(ids)
            count += 3
        await sender.close()

    async def rounds() -> None:
        stop = asyncio.Event()
        callers = [asyncio.create_task(caller(name, stop)) for name in range(4)]
        for _ in range(6):
            with writing(tmp_path) as pid:
                await asyncio.sleep(0.3 + chance.random() / 10)
                os.kill(pid, signal.SIGKILL)
        with writing(tmp_path):
            stop.set()
            await asyncio.gather(*callers)

    asyncio.run(rounds())
    stored = stored_ids(tmp_path)
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))


def test_a_full_store_refuses_events_and_still_erases(tmp_path: Path) -> None:
    async def talk() -> None:
        sender = EventSender(tmp_path)
        assert await send(sender, [event("ann", str(number)) for number in range(3000)]) == 3000
        with pytest.raises(EventsNotKeptError, match="hold as much as they may"):
            await sender.add([event("ann", "another")])
        assert await sender.erase("ann") == 3000
        await sender.close()

    with writing(tmp_path, Limits(days=1.0, max_bytes=200_000)):
        asyncio.run(talk())
    assert stored_ids(tmp_path) == []
    assert read_keys(tmp_path / DIRECTORY) is not None


def test_the_socket_is_reached_however_deep_the_store_lies(tmp_path: Path) -> None:
    store = tmp_path / ("deep" * 20) / ("deeper" * 20)

    async def talk() -> int:
        sender = EventSender(store)
        new = await send(sender, [event("ann", "1")])
        await sender.close()
        return new

    with writing(store):
        assert asyncio.run(talk()) == 1
