"""Events under load: against SQLite alone, and beside plain calls."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.service.serve import peer
from benchmarks.tools.figures import Figure
from benchmarks.tools.wrk import Call, measure
from online.events import Event
from online.store import EventWriter, events_file
from testing.service import Service

BATCH = 100
TOKEN = "benchmark"
_UNLIMITED = "1e9"
_JSON = {"content-type": "application/json"}


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
            events = [{"kind": "watched", "visitor": "v", "movie_id": number + 1} for number in range(batch)]
            call = Call(["/events"], "POST", json.dumps({"events": events}))
            ours, theirs = [], []
            for number in range(rounds):
                ours.append(measure(service.port, call, seconds, root))
                theirs.append(_insert_for(root / f"alone-{batch}-{number}", seconds, batch))
            mine = batch * statistics.median(sent.rate for sent in ours)
            alone = batch * statistics.median(len(commits) / sum(commits) for commits in theirs)
            p99 = 1000 * statistics.median(sent.p99 for sent in ours)
            commit = 1000 * statistics.median(taken for commits in theirs for taken in commits)
            refused = sum(sent.failed for sent in ours)
            note = f"p99 {p99:.0f} ms, a commit alone {commit:.1f} ms, {refused} refused"
            title = f"loop/durable events, {batch} a request, against SQLite alone"
            figures.append(Figure(title, mine / alone, 0.5, "higher", mine, alone, "1/s", rounds, note))
    return figures


def _insert_for(root: Path, seconds: float, batch: int) -> list[float]:
    """Insert into the same schema, `batch` a commit, in one process that does nothing else; return their seconds."""
    writer = EventWriter(events_file(root))
    latencies: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        names = (f"{len(latencies)}-{number}" for number in range(batch))
        writer.add([[Event("watched", "v", "", ("1",), None, "", start, start, name) for name in names]])
        latencies.append(time.perf_counter() - start)
    writer.close()
    return latencies


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
                for name, port in (("off", off.port), ("ids", on.port), ("ids and events", on.port)):
                    base = measure(bare, call, seconds, root).rate
                    with _arriving(port) if name == "ids and events" else nullcontext():
                        ratios[name].append(measure(port, call, seconds, root).rate / base)
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
    """Send events in the background: requests of two events, `per_second` events a second.

    Through the plainest client: what it takes of the processor is not the service's.
    """
    stop = threading.Event()

    def send() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            count = 0
            while not stop.wait(2 / per_second):
                events = [watched("background", f"{count}-{number}") for number in range(2)]
                connection.request("POST", "/events", json.dumps({"events": events}), _JSON)
                answer = connection.getresponse()
                assert answer.status == 202, answer.read()
                answer.read()
                count += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
