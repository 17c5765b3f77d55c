"""Cost of faults on real processes: promotions, overload, a locked registry, kills, drains, long load."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.service.serve import peer
from benchmarks.tools.figures import Figure
from recommender.files import move
from serving.settings import Settings
from testing.load import Background, NeverReaders, Sample, failures, good_rate, paced_loop, percentile
from testing.service import Service
from training.bundling.synthetic import Size, write

PROMOTIONS = 50
SOAK_SWAPS = 100
PATHS = ["/recommend/?movie_id=5&genres=Drama", "/recommend/?user_id=3", "/recommend/?movie_id=9", "/movies/5"]


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure all faults; `size` scales the number of promotions and the time under load."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        bundle = root / "bundle"
        write(bundle, Size(movies=2000, dimensions=32, users=1000, map_films=2000))
        return [
            *promotions(root, bundle, max(int(PROMOTIONS * size), 5)),
            *overload(root, bundle, max(5 * size, 2.0), rounds),
            *faults(root, bundle, rounds),
            *never_readers(root, bundle, max(5 * size, 2.0), rounds),
            *posted_histories(root, bundle, max(5 * size, 2.0), rounds),
            *registry(root, bundle, max(5 * size, 2.0)),
            *soak(root, bundle, max(int(SOAK_SWAPS * size), 10)),
        ]


def promotions(root: Path, bundle: Path, count: int) -> list[Figure]:
    """Measure promotions under load: failed requests, answers of mixed versions, and time until all workers swap."""
    with _ready(root / "promotions", bundle) as service:
        taken = []
        with Background(service.port, PATHS) as load:
            for number in range(2, count + 2):
                service.promote(bundle, str(number))
                taken.append(service.wait(_serves(service, str(number))))
    mixed = sum(not _one_version(sample) for sample in load.samples if sample.status == 200)
    note = f"{count} promotions, {len(load.samples)} requests"
    return [
        Figure("reliability/failed requests in promotions", len(list(failures(load.samples))), 0, note=note),
        Figure("reliability/answers of two versions", mixed, 0, unit="answers", note=note),
        Figure("reliability/pointer to served, slowest, s", max(taken), 5.0, note=note),
    ]


def overload(root: Path, bundle: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure goodput, time to a refusal and health at two and ten times the capacity of a route that takes 20 ms.

    The service has one processor and the load generator another. Capacity is measured by a closed loop on as many
    connections as the service runs or queues.
    """
    store, settings = _ready(root / "overload", bundle).store, Settings()
    clients = settings.running_limit + settings.queue_limit
    capacities: list[float] = []
    runs_by_factor: dict[int, list[Overload]] = {2: [], 10: []}
    with _apart(partial(peer, "extended", store.root)) as port:
        for _ in range(rounds):
            capacities.append(_capacity(port, clients, seconds))
            for factor, runs in runs_by_factor.items():
                runs.append(asyncio.run(_overloaded(port, capacities[-1] * factor, seconds)))
    return [figure for factor, runs in runs_by_factor.items() for figure in _overload_figures(factor, runs, capacities)]


class Overload(NamedTuple):
    """One run under overload: goodput, the costly requests, and the health probes beside them."""

    good: float  # answers a second
    costly: list[Sample]
    health: list[Sample]


def _overload_figures(factor: int, runs: list[Overload], capacities: list[float]) -> list[Figure]:
    name, rounds = f"reliability/overload {factor}x", len(runs)
    good, capacity = median(run.good for run in runs), median(capacities)
    share = median(run.good / capacity for run, capacity in zip(runs, capacities, strict=True))
    refused = [[sample for sample in run.costly if sample.status == 503] for run in runs]
    refusal_seconds = median(percentile(samples, 0.99) for samples in refused)
    unexpected = sum(sample.status not in {200, 503} for run in runs for sample in run.costly)
    failed_probes = sum(len(list(failures(run.health))) for run in runs)
    probes = f"{sum(len(run.health) for run in runs)} probes"
    return [
        Figure(f"{name}: goodput against capacity", share, 0.9, "higher", good, capacity, "1/s", rounds),
        Figure(f"{name}: 503 within, p99 s", refusal_seconds, 0.05, rounds=rounds),
        Figure(f"{name}: neither 200 nor 503", unexpected, 0, unit="requests", rounds=rounds),
        Figure(f"{name}: health failed", failed_probes, 0, note=probes, rounds=rounds),
    ]


@contextmanager
def _apart(started: Callable[[], AbstractContextManager[int]]) -> Iterator[int]:
    """Run the server that `started` starts on the first processor, and this process on the last one."""
    usable = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(usable)})  # inherited by the server
        with started() as port:
            os.sched_setaffinity(0, {max(usable)})
            yield port
    finally:
        os.sched_setaffinity(0, usable)


def _capacity(port: int, clients: int, seconds: float) -> float:
    with Background(port, ["/costly"], clients) as load:
        time.sleep(seconds)
    assert not list(failures(load.samples)), "a closed loop of so many is never refused"
    return good_rate(load.samples, seconds)


async def _overloaded(port: int, rate: float, seconds: float) -> Overload:
    costly, health = await asyncio.gather(
        paced_loop(port, "/costly", rate, seconds), paced_loop(port, "/livez", 10, seconds)
    )
    return Overload(good_rate(costly, seconds), costly, health)


def faults(root: Path, bundle: Path, rounds: int) -> list[Figure]:
    """Measure a half-sent request, killed workers, and SIGTERM under load."""
    with _ready(root / "faults", bundle) as service:
        cut_after = _half_sent(service)
        respawns = [_kill_one(service) for _ in range(rounds)]
    lost = sum(_drained(root / f"drain{number}", bundle) for number in range(rounds))
    return [
        Figure("reliability/half-sent request cut after, s", cut_after, 10.0),
        Figure("reliability/killed worker back after, slowest, s", max(respawns), 2.0, rounds=rounds),
        Figure("reliability/requests lost to SIGTERM", lost, 0, rounds=rounds, unit="requests"),
    ]


def _half_sent(service: Service) -> float:
    with socket.create_connection(("127.0.0.1", service.port)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nhost: loc")
        slow.settimeout(60)
        began = time.perf_counter()
        with suppress(ConnectionResetError):
            slow.recv(1)
        return time.perf_counter() - began


def _kill_one(service: Service) -> float:
    before = {worker.pid for worker in service.workers()}
    served = sum(line.get("event") == "version_served" for line in service.log())
    os.kill(min(before), signal.SIGKILL)

    def back() -> bool:
        loaded = sum(line.get("event") == "version_served" for line in service.log())
        return bool(loaded > served)

    return service.wait(back)


def _drained(root: Path, bundle: Path) -> int:
    with _ready(root, bundle, drain_seconds="1") as service:
        with Background(service.port, PATHS) as load:
            time.sleep(0.5)
            assert service.process is not None
            service.process.send_signal(signal.SIGTERM)
            service.wait(lambda: service.status("/readyz") == 503)
        return len(list(failures(load.samples)))


def never_readers(root: Path, bundle: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure ordinary callers beside eight that send 40 requests at once and never read an answer.

    A caller that the service disconnects connects again at once.
    """
    request = b"GET /map HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with _ready(root / "never_readers", bundle) as service:
        return _beside(
            "p99 beside 8 callers who never read",
            service,
            partial(NeverReaders, service.port, request),
            seconds,
            rounds,
        )


def posted_histories(root: Path, bundle: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure ordinary callers beside six that post histories of 2,000 misspelt titles, one after another."""
    ratings = [{"title": f"The Adventvre of Nobody in Partt {number}", "rating": 4} for number in range(2000)]
    body = json.dumps({"ratings": ratings}).encode()
    with _ready(root / "histories", bundle) as service:
        posting = partial(Background, service.port, ["/recommend/"], 6, body)
        return _beside("p99 beside 6 callers who post 2,000 misspelt titles", service, posting, seconds, rounds)


def _beside(
    name: str, service: Service, others: Callable[[], AbstractContextManager[object]], seconds: float, rounds: int
) -> list[Figure]:
    """Measure the p99 of ordinary callers beside `others` against that without them, and what failed."""
    alone: list[float] = []
    beside: list[float] = []
    ordinary: list[Sample] = []
    for _ in range(rounds):
        alone.append(percentile(_under_load(service, seconds), 0.99))
        with others():
            samples = _under_load(service, seconds)
        beside.append(percentile(samples, 0.99))
        ordinary += samples
    refused = sum(sample.status == 503 for sample in ordinary)
    failed = len(list(failures(ordinary))) - refused
    ratio = median(loaded / quiet for loaded, quiet in zip(beside, alone, strict=True))
    return [
        Figure(f"reliability/{name}", ratio, 2.0, "lower", median(beside), median(alone), rounds=rounds),
        Figure(f"reliability/503, {name}", refused / len(ordinary), unit="share", rounds=rounds),
        Figure(f"reliability/failed, {name}", failed, 0, unit="requests", rounds=rounds),
    ]


def registry(root: Path, bundle: Path, seconds: float) -> list[Figure]:
    """Measure a real registry: promotion until served, its file locked under load, and a start without it."""
    from training.registry import CHAMPION, Tracker, register_bundle

    uri = f"sqlite:///{root}/mlruns/mlflow.db"
    tracker = Tracker(uri)
    numbers = [register_bundle(bundle, tracker=tracker, tags={"verdict": "promote"}).number for _ in range(2)]
    tracker.set_alias(CHAMPION, numbers[0])
    service = Service(root / "registry", arguments=(), tracking_uri=uri)
    with service:
        service.wait(_serves(service, str(numbers[0])))
        taken = []
        for number in (*reversed(numbers), numbers[1]):
            tracker.set_alias(CHAMPION, number)
            taken.append(service.wait(_serves(service, str(number))))
        before = _under_load(service, seconds)
        with closing(sqlite3.connect(root / "mlruns/mlflow.db")) as blocker:
            blocker.execute("BEGIN EXCLUSIVE")
            during = _under_load(service, seconds)
    move(root / "mlruns/mlflow.db", root / "moved.db")
    with service:
        service.wait(lambda: service.status("/recommend/?movie_id=1") == 200)
        first = time.perf_counter() - service.started_at
        stale = bool(service.json("/model")["model"]["stale"])
    ratio = percentile(during, 0.99) / percentile(before, 0.99)
    return [
        Figure("reliability/promotion to served, slowest, s", max(taken), 5.0, note=f"{len(taken)} promotions"),
        Figure("reliability/p99 while the registry is locked", ratio, 2.0),
        Figure("reliability/failed while it is locked", len(list(failures(during))), 0, unit="requests"),
        Figure("reliability/start without a registry, s", first, 5.0),
        Figure("reliability/answers then are marked stale", float(stale), 1.0, "higher"),
    ]


def _under_load(service: Service, seconds: float) -> list[Sample]:
    with Background(service.port, PATHS) as load:
        time.sleep(seconds)
    return load.samples


def soak(root: Path, bundle: Path, swaps: int) -> list[Figure]:
    """Measure memory and open files of the workers after many promotions, against those after the first tenth."""
    with _ready(root / "soak", bundle) as service:
        early = (0.0, 0)
        with Background(service.port, PATHS) as load:
            for number in range(2, swaps + 2):
                service.promote(bundle, str(number))
                service.store.prune(3)
                service.wait(_serves(service, str(number)))
                if number == 2 + swaps // 10:
                    early = _footprint(service)
            late = _footprint(service)
    failed = len(list(failures(load.samples)))
    note = f"{swaps} promotions"
    return [
        Figure.against("reliability/soak: memory growth", late[0], early[0], 1.2, unit="MB", note=note),
        Figure("reliability/soak: open files, growth", late[1] - early[1], 4, unit="files", note=note),
        Figure("reliability/soak: failed requests", failed, 0, unit="requests", note=note),
    ]


def _footprint(service: Service) -> tuple[float, int]:
    workers = service.workers()
    return sum(worker.memory_full_info().uss for worker in workers) / 1e6, sum(worker.num_fds() for worker in workers)


def _ready(root: Path, bundle: Path, drain_seconds: str = "0.1") -> Service:
    service = Service(root, stale_after_seconds="3600", drain_seconds=drain_seconds)
    service.promote(bundle, "1")
    return service


def _serves(service: Service, version: str) -> Callable[[], bool]:
    """Return a check that several answers in turn, from whichever workers, come from that version."""

    def all_from_version() -> bool:
        versions = [service.json("/model").get("model", {}).get("version") for _ in range(6)]
        return set(versions) == {version}

    return all_from_version


def _one_version(sample: Sample) -> bool:
    model = json.loads(sample.body)["model"]
    return bool(model["run_id"] == f"{model['version']:>032}")
