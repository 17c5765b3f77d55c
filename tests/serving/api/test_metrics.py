"""Metrics live in memory that the workers share: nothing on disk to lose, damage, mix up or leave behind."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serving.api.metrics import AnswerCounts
from serving.shared_metrics import SNAPSHOT_BYTES, SharedMetrics
from testing.service import Service
from tests.serving.conftest import ready


class Worker:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("calls", "Calls.", ["route"], registry=self.registry)
        self.seconds = Histogram("seconds", "Time.", buckets=(1.0, 2.0), registry=self.registry)
        self.version = Gauge("version", "Workers that serve a version.", ["version"], registry=self.registry)


def totals(shared: SharedMetrics) -> dict[str, float]:
    """Every summed sample, as `name{value of its label}`."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for metric in shared.total()
        for sample in metric.samples
    }


def test_counts_of_all_workers_add_up() -> None:
    shared = SharedMetrics(2)
    for number in (0, 1):
        worker = Worker()
        for _ in range(2):  # what counts is the latest snapshot
            worker.calls.labels("/map").inc(number + 1)
            worker.seconds.observe(1.5)
            worker.version.labels("7").set(1)
            shared.publish(number, worker.registry.collect())
    assert totals(shared) == {
        "calls_total{/map}": 6,
        "seconds_bucket{1.0}": 0,
        "seconds_bucket{2.0}": 4,
        "seconds_bucket{+Inf}": 4,
        "seconds_count": 4,
        "seconds_sum": 6,
        "version{7}": 2,
    }


def test_answers_are_counted_by_route_and_status_and_timed_by_route() -> None:
    counts, shared = AnswerCounts(), SharedMetrics(1)
    for status, seconds in ((200, 0.001), (200, 0.003), (404, 0.002), (200, 9.0)):
        counts.of("/map", status).count(seconds)
    shared.publish(0, counts.collect())
    bounds = ("0.001", "0.0025", "0.005", "2.5", "+Inf")
    summed = totals(shared)
    assert [summed[f"movierec_request_seconds_bucket{{/map}}{{{bound}}}"] for bound in bounds] == [1, 2, 3, 3, 4]
    assert summed["movierec_request_seconds_sum{/map}"] == pytest.approx(9.006)
    assert summed["movierec_request_seconds_count{/map}"] == 4
    assert (summed["movierec_requests_total{/map}{200}"], summed["movierec_requests_total{/map}{404}"]) == (3, 1)


def test_counts_of_ended_workers_stay_and_their_gauges_go() -> None:
    shared = SharedMetrics(1)
    for _ in range(3):
        worker = Worker()
        worker.calls.labels("/map").inc()
        worker.version.labels("7").set(1)
        shared.publish(0, worker.registry.collect())
        shared.retire(0)
    assert totals(shared)["calls_total{/map}"] == 3
    assert "version{7}" not in totals(shared)


@pytest.mark.fault(40)
@pytest.mark.parametrize("place", range(0, 40, 3))
def test_a_half_written_snapshot_leaves_the_one_before(place: int) -> None:
    """As of a worker killed while it writes: a snapshot's byte at `place` is not what it should be."""
    shared, worker = SharedMetrics(1), Worker()
    for _ in range(2):
        worker.calls.labels("/map").inc()
        shared.publish(0, worker.registry.collect())
    newest = max(shared._memory.find(bytes([2, 0, 0, 0, 0, 0, 0, 0])), 0)
    shared._memory[newest + place] ^= 0xFF
    assert totals(shared)["calls_total{/map}"] in {1, 2}
    worker.calls.labels("/map").inc()
    shared.publish(0, worker.registry.collect())
    assert totals(shared)["calls_total{/map}"] == 3


def test_a_snapshot_without_room_is_refused_and_the_one_before_stays() -> None:
    shared, worker = SharedMetrics(2), Worker()
    worker.calls.labels("/map").inc()
    shared.publish(0, worker.registry.collect())
    shared.publish(1, worker.registry.collect())
    worker.calls.labels("x" * SNAPSHOT_BYTES).inc()
    with pytest.raises(ValueError, match="expected at most"):
        shared.publish(0, worker.registry.collect())
    assert totals(shared)["calls_total{/map}"] == 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Service]:
    """A service whose temporary directory is its own, in an environment that asks for metrics in files."""
    root = tmp_path_factory.mktemp("service")
    files = [root / name for name in ("temporary", "metrics")]
    with pytest.MonkeyPatch.context() as patched:
        for variable, directory in zip(("TMPDIR", "PROMETHEUS_MULTIPROC_DIR"), files, strict=True):
            directory.mkdir()
            patched.setenv(variable, str(directory))
        made = Service(root, stale_after_seconds="3600")
        with ready(made, toy_bundle) as running:
            yield running


def outside_store(service: Service) -> list[Path]:
    """Files of the service that a tidy-up could take: all but its model store and its log."""
    store = service.store.root
    paths = [path for path in store.parent.rglob("*") if path.suffix != ".log"]
    return [path for path in paths if store not in (path, *path.parents)]


def counted(service: Service) -> float:
    """Plain answers that /metrics names."""
    status, text = service.get("/metrics")
    assert status == 200
    lines = [line for line in text.decode().splitlines() if line.startswith(COUNT)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


COUNT = 'movierec_requests_total{route="/recommend/",status="200"}'
PLAIN = "/recommend/?title=Star%20Voyage&n=3"


def kill_one(service: Service) -> None:
    before = {worker.pid for worker in service.workers()}
    os.kill(min(before), signal.SIGKILL)
    service.wait(lambda: len({worker.pid for worker in service.workers()} - before) == 1)


@pytest.mark.fault(40)
@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "removed", "directories removed"])
def test_metrics_and_restarts_need_no_file(service: Service, damage: str) -> None:
    before = counted(service)
    assert [service.status(PLAIN) for _ in range(20)] == [200] * 20
    service.wait(lambda: counted(service) == before + 20)
    for path in outside_store(service):
        hurt(path, damage)
    assert counted(service) == before + 20
    kill_one(service)
    service.wait(lambda: service.get("/metrics")[1].count(b'movierec_worker_version{slot="champion",version="1"} 2.0'))
    assert counted(service) == before + 20  # the killed worker's too
    assert [service.status(PLAIN) for _ in range(20)] == [200] * 20
    service.wait(lambda: counted(service) == before + 40)


def hurt(path: Path, damage: str) -> None:
    """Damage one file, or take a directory away."""
    if path.is_dir():
        if damage == "directories removed":
            shutil.rmtree(path)
    elif damage == "removed":
        path.unlink()
    elif path.exists():
        content = path.read_bytes()
        changed = {"flipped": bytes(byte ^ 0xFF for byte in content), "cut": content[: len(content) // 2]}
        path.write_bytes(changed.get(damage, b""))


@pytest.mark.fault(40)
def test_a_service_leaves_nothing_behind_and_shares_nothing(service: Service, toy_bundle: Path) -> None:
    """Two over one store count apart; one that was killed leaves no file."""
    root = service.store.root.parent
    files = set(outside_store(service))
    service.status(PLAIN)
    other = Service(root, stale_after_seconds="3600")
    other._log = root / "other.log"
    with other:
        other.wait(lambda: other.status("/readyz") == 200)
        assert COUNT.encode() in other.get("/metrics")[1]
        assert counted(other) == 0
        assert other.process is not None
        children = psutil.Process(other.process.pid).children(recursive=True)
        other.process.kill()
        psutil.wait_procs(children, 30)
    assert set(outside_store(service)) == files
