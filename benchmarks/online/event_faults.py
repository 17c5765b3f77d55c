"""Events while processes are killed, and as training data in the place of files."""

from __future__ import annotations

import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil

from benchmarks.online.event_load import TOKEN, service_of, watched
from benchmarks.tools.figures import Figure
from online.store import EventReader, events_file
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from testing.service import Service
from training.datasets.sources import find_raw
from training.datasets.store import ProcessedDataset, prepare

REPLAYED = 0.2
SENT_AT_ONCE = 1000
_RATING_FILES = ("ratings.csv", "ratings.dat", "u.data")


def kills(root: Path, bundle: Path, rounds: int) -> list[Figure]:
    """Kill a worker or the writer at a random moment of each round; count acknowledged events lost or there twice."""
    chance = random.Random(0)
    acknowledged: set[str] = set()
    stop = threading.Event()
    with service_of(root / "kills", bundle) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        send = partial(_send_until, stop, service, acknowledged)
        callers = [threading.Thread(target=send, args=(name,)) for name in range(4)]
        for caller in callers:
            caller.start()
        for _ in range(rounds):
            time.sleep(0.2 + 0.4 * chance.random())
            service.wait(lambda: bool(service.workers()))  # all may be about to be started again
            with suppress(psutil.NoSuchProcess, IndexError):
                chance.choice(service.workers()).send_signal(signal.SIGKILL)
        stop.set()
        for caller in callers:
            caller.join()
    reader = EventReader(events_file(service.store.root))
    stored = [event.event_id for _, event in reader.events()]
    reader.close()
    note = f"{rounds} kills of workers and writer, {len(acknowledged)} acknowledged"
    return [
        Figure("loop/acknowledged events lost", len(acknowledged - set(stored)), 0, unit="events", note=note),
        Figure("loop/events there twice", len(stored) - len(set(stored)), 0, unit="events", note=note),
    ]


def _send_until(stop: threading.Event, service: Service, acknowledged: set[str], name: int) -> None:
    """Send batches, each again until it is acknowledged, as callers do."""
    count = 0
    while not stop.is_set():
        ids = [f"{name}-{count + number}" for number in range(5)]
        count += 5
        _until_taken(service.port, [watched(f"v{name}", event_id) for event_id in ids])
        acknowledged.update(ids)


def _until_taken(port: int, events: Sequence[dict[str, Any]], token: str = "") -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                f"http://127.0.0.1:{port}/events",
                json={"events": events},
                headers=headers,
                timeout=30,
                trust_env=False,
            )
            if answer.status_code == 202:
                assert not answer.json()["rejected"], answer.json()["rejected"][:3]
                return
        time.sleep(0.02)
    raise TimeoutError("The service took no events for two minutes.")


def replay(root: Path, bundle: Path, name: str = "ml-100k") -> list[Figure]:
    """Send the last fifth of the ratings of a data set as events, prepare, and compare with the files' matrix."""
    raw = find_raw(name)
    whole = prepare(name, raw=raw, processed_root=root / "whole")
    ratings = whole.ratings.sort_values(TIMESTAMP, kind="stable")
    last = ratings.iloc[int(len(ratings) * (1 - REPLAYED)) :]
    part = _without(raw, root / "part", last)
    erased = "erased-visitor-0b77"
    with service_of(root / "replay", bundle) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        events = [
            {"kind": "rated", "user_id": user, "movie_id": movie, "rating": stars, "time": seconds}
            for user, movie, stars, seconds in zip(
                *(last[column].tolist() for column in (USER, MOVIE, RATING, TIMESTAMP)), strict=True
            )
        ]
        for start in range(0, len(events), SENT_AT_ONCE):
            _until_taken(service.port, events[start : start + SENT_AT_ONCE], TOKEN)
        _until_taken(service.port, [watched(erased, f"{erased}-{number}") for number in range(50)])
        httpx.delete(
            f"http://127.0.0.1:{service.port}/events?visitor={erased}",
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        ).raise_for_status()
    joined = prepare(
        name, raw=part, events=True, events_store=service.store.root, processed_root=root / "joined", max_bad_share=1
    )
    left = sum(erased.encode() in path.read_bytes() for path in _files(service.store.root, root / "joined"))
    note = f"{len(last):,} of {len(ratings):,} ratings of {name} as events"
    return [
        Figure("loop/matrix bytes that differ from the files'", _different(whole, joined), 0, unit="bytes", note=note),
        Figure("loop/files with bytes of an erased key", left, 0, unit="files"),
    ]


def _without(raw: Path, target: Path, removed: pd.DataFrame) -> Path:
    """Make a directory of raw files like `raw`, but without some ratings."""
    pairs = set(zip(removed[USER].tolist(), removed[MOVIE].tolist(), strict=True))
    target.mkdir()
    for path in raw.iterdir():
        if path.name in _RATING_FILES or path.suffix == ".inter":
            lines = path.read_bytes().splitlines(keepends=True)
            (target / path.name).write_bytes(b"".join(line for line in lines if _pair(line) not in pairs))
        elif path.is_file():
            (target / path.name).symlink_to(path.resolve())
    return target


def _pair(line: bytes) -> tuple[int, int] | None:
    """Return the ids of user and film with which a line of ratings begins; None of a header."""
    user, movie = re.split(rb"[\t,]|::", line)[:2]
    return (int(user), int(movie)) if user.isdigit() and movie.isdigit() else None


def _files(*roots: Path) -> Iterator[Path]:
    return (path for root in roots for path in root.rglob("*") if path.is_file())


def _different(first: ProcessedDataset, second: ProcessedDataset) -> int:
    """Return how many bytes of the matrices and of their ids differ; all, where their sizes do."""
    count = 0
    matrices = [dataset.user_item() for dataset in (first, second)]
    parts: list[Callable[[int], Any]] = [
        lambda side: matrices[side].data,
        lambda side: matrices[side].indices,
        lambda side: matrices[side].indptr,
        lambda side: (first, second)[side].user_ids.ids,
        lambda side: (first, second)[side].movie_ids.ids,
    ]
    for values in parts:
        one, other = (np.frombuffer(values(side).tobytes(), dtype=np.uint8) for side in (0, 1))
        count += int((one != other).sum()) if len(one) == len(other) else max(len(one), len(other))
    return count
