"""Events under load: against SQLite alone, and beside plain calls."""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from recommender.errors import MovierecError
from testing.service import Service

BATCH = 100
TOKEN = "benchmark"
TURNS = 12  # of each round: one turn differs from the next by ten percent
EVENTS_PER_SECOND = 50
WARMING_SECONDS = 3.0  # of as many events as go: the log of their file then has the size that it keeps
_UNLIMITED = "1e9"


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
    """Measure plain calls against bare uvicorn: switched off, with ids, and with ids while events come in.

    In many short turns, forwards and backwards: what else the machine does then meets all of them alike.
    """
    call = Call([f"/recommend/?movie_id={number}&n=10" for number in range(1, 500)])
    off = Service(root / "off", workers=1)
    off.promote(bundle, "1")
    with off, service_of(root / "on", bundle, workers=1) as on:
        for service in (off, on):
            service.wait(partial(_is_ready, service))
        body = root / "body"
        body.write_bytes(off.get(call.paths[0])[1])
        caller = EventCaller(on)
        with peer("bare", body=body) as bare:
            ports = {"bare": bare, "off": off.port, "ids": on.port, "ids and events": on.port}
            for port in ports.values():
                measure(port, call, 1, root)
            with caller.sending(per_second=1e9):
                time.sleep(WARMING_SECONDS)
            rates: dict[str, list[float]] = {name: [] for name in ports}
            for turn in range(TURNS * rounds):
                for name in list(ports)[:: 1 if turn % 2 else -1]:
                    with caller.sending() if name == "ids and events" else nullcontext():
                        rates[name].append(measure(ports[name], call, seconds / 2, root).rate)
    return [_kept_ratio(name, rates, caller.note) for name in ("ids", "ids and events")]


def _kept_ratio(name: str, rates: dict[str, list[float]], note: str) -> Figure:
    """Return how much of its ratio to bare uvicorn a call keeps: the median over the turns."""
    kept = statistics.median(on / off for on, off in zip(rates[name], rates["off"], strict=True))
    ours, theirs = (
        statistics.median(rate / bare for rate, bare in zip(rates[side], rates["bare"], strict=True))
        for side in (name, "off")
    )
    title = f"loop/plain call against bare uvicorn, {name}, of the ratio switched off"
    turns = len(rates[name])
    return Figure(title, kept, 0.95, "higher", ours, theirs, "of bare", turns, note if "events" in name else "")


def _is_ready(service: Service) -> bool:
    return service.status("/readyz") == 200


class EventCaller:
    """Sends what a visitor does with a list; every answer must say that it was kept.

    Over a bare socket, a request for a list shown and a click: what a caller takes of the processor is not the
    service's.
    """

    def __init__(self, service: Service) -> None:
        with closing(HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
            connection.request("GET", "/recommend/?movie_id=1&n=10")
            answer = connection.getresponse()
            movie_ids = [item["movie_id"] for item in json.load(answer)["recommendations"]]
            common = {"visitor": "background", "recommendation_id": answer.headers["x-recommendation-id"]}
        shown = {"kind": "shown", "movie_ids": movie_ids, "event_id": "s-%09d"} | common
        clicked = {"kind": "clicked", "movie_id": movie_ids[0], "event_id": "c-%09d"} | common
        body = json.dumps({"events": [shown, clicked]})
        length = len(body % (0, 0))
        head = f"POST /events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}"
        self._form = f"{head}\r\n\r\n{body}"
        self._address = "127.0.0.1", service.port
        self._count = 0
        self._rates: list[float] = []

    @property
    def note(self) -> str:
        """How many events a second came in."""
        return f"{statistics.median(self._rates):.0f} events a second, each kept"

    @contextmanager
    def sending(self, per_second: float = EVENTS_PER_SECOND) -> Iterator[None]:
        """Send events on one connection in the background, two a request."""
        stop = threading.Event()
        with ThreadPoolExecutor(1) as background:
            sent = background.submit(self._send_until, stop, per_second)
            try:
                yield
            finally:
                stop.set()
            sent.result()

    def _send_until(self, stop: threading.Event, per_second: float) -> None:
        began, before = time.monotonic(), self._count
        with socket.create_connection(self._address, timeout=30) as connection:
            while not stop.wait(began + 2 * (self._count - before) / per_second - time.monotonic()):
                self._send(connection)
        self._rates.append(2 * (self._count - before) / (time.monotonic() - began))

    def _send(self, connection: socket.socket) -> None:
        connection.sendall((self._form % (self._count, self._count)).encode())
        answer = arrived = connection.recv(4096)
        while arrived and not answer.endswith(b"}"):
            arrived = connection.recv(4096)
            answer += arrived
        if not (answer.startswith(b"HTTP/1.1 202") and answer.endswith(b'{"accepted":2,"new":2,"rejected":[]}')):
            raise MovierecError(f"Expected two events to be kept, got: {answer.decode()}")
        self._count += 1
