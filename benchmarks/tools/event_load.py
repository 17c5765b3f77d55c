"""Events under load: against SQLite alone, and beside plain calls."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from benchmarks.serve import peer
from benchmarks.tools.figures import Figure
from benchmarks.tools.wrk import Call, measure
from online.events import Event
from online.store import EventWriter, events_file
from testing.service import Service

CALLERS = 32
BATCH = 100
TOKEN = "benchmark"
_UNLIMITED = "1e9"


class Sent(NamedTuple):
    """Events a second that were acknowledged, and the seconds of each request."""

    rate: float
    latencies: list[float]


def service_of(root: Path, bundle: Path, *, workers: int = 2, **settings: str) -> Service:
    """Return a service that takes events, to be started."""
    settings = {"events_per_second": _UNLIMITED, "admin_token": TOKEN} | settings
    service = Service(root, workers=workers, arguments=("--no-pull",), events="true", **settings)
    service.promote(bundle, "1")
    return service


def throughput(root: Path, bundle: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure durable events through the API, one and BATCH a request, against SQLite inserts with as many a commit."""
    figures = []
    with service_of(root / "throughput", bundle) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        for batch in (1, BATCH):
            ours, theirs = [], []
            for number in range(rounds):
                ours.append(asyncio.run(_send_for(service.port, seconds, batch)))
                theirs.append(_insert_for(root / f"alone-{batch}-{number}", seconds, batch))
            mine, alone = (statistics.median(sent.rate for sent in sides) for sides in (ours, theirs))
            latencies = [taken for sent in ours for taken in sent.latencies]
            p50, p99 = (1000 * float(np.quantile(latencies, share)) for share in (0.5, 0.99))
            commit = 1000 * statistics.median(taken for sent in theirs for taken in sent.latencies)
            note = f"{CALLERS} callers, p50 {p50:.1f} ms, p99 {p99:.1f} ms; a commit alone {commit:.1f} ms"
            title = f"loop/durable events, {batch} a request, against SQLite alone"
            figures.append(Figure(title, mine / alone, 0.5, "higher", mine, alone, "1/s", rounds, note))
    return figures


async def _send_for(port: int, seconds: float, batch: int) -> Sent:
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:

        async def caller(name: int) -> None:
            count = 0
            while time.perf_counter() < end:
                events = [watched(f"v{name}", f"{name}-{count + offset}-{end}") for offset in range(batch)]
                count += batch
                began = time.perf_counter()
                answer = await client.post("/events", json={"events": events})
                answer.raise_for_status()
                latencies.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(caller(name) for name in range(CALLERS)))
        return Sent(len(latencies) * batch / (time.perf_counter() - began), latencies)


def _insert_for(root: Path, seconds: float, batch: int) -> Sent:
    """Insert into the same schema, `batch` a commit, in one process that does nothing else."""
    writer = EventWriter(events_file(root))
    latencies: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        names = (f"{len(latencies)}-{number}" for number in range(batch))
        writer.add([[Event("watched", "v", "", ("1",), None, "", start, start, name) for name in names]])
        latencies.append(time.perf_counter() - start)
    rate = len(latencies) * batch / (time.perf_counter() - began)
    writer.close()
    return Sent(rate, latencies)


def watched(visitor: str, event_id: str) -> dict[str, Any]:
    """Return an event as the API takes it."""
    return {"kind": "watched", "visitor": visitor, "movie_id": 1, "event_id": event_id}


def plain_calls(root: Path, bundle: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure plain calls against bare uvicorn: switched off, with ids, and with ids while events come in."""
    call = Call([f"/recommend/?movie_id={number}&n=10" for number in range(1, 500)])
    off = Service(root / "off", workers=1)
    off.promote(bundle, "1")
    with off, service_of(root / "on", bundle, workers=1) as on:
        for service in (off, on):
            service.wait(partial(_is_ready, service))
        body = root / "body"
        body.write_bytes(off.get(call.paths[0])[1])
        with peer("bare", body=body) as bare:
            ratios: dict[str, list[float]] = {"off": [], "ids": [], "ids and events": []}
            for _ in range(rounds):
                base = measure(bare, call, seconds, root).rate
                ratios["off"].append(measure(off.port, call, seconds, root).rate / base)
                ratios["ids"].append(measure(on.port, call, seconds, root).rate / base)
                with _arriving(on.port):
                    ratios["ids and events"].append(measure(on.port, call, seconds, root).rate / base)
    medians = {name: statistics.median(values) for name, values in ratios.items()}
    return [
        Figure(
            f"loop/plain call against bare uvicorn, {name}, of the ratio switched off",
            medians[name] / medians["off"],
            0.95,
            "higher",
            medians[name],
            medians["off"],
            "of bare",
            rounds,
        )
        for name in ("ids", "ids and events")
    ]


def _is_ready(service: Service) -> bool:
    return service.status("/readyz") == 200


@contextmanager
def _arriving(port: int, per_second: int = 50) -> Iterator[None]:
    """Send events in the background: requests of two events, `per_second` events a second."""
    stop = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            count = 0
            while not stop.wait(2 / per_second):
                events = [watched("background", f"{count}-{number}") for number in range(2)]
                client.post("/events", json={"events": events}).raise_for_status()
                count += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
