"""The service as real processes under faults; times are the measurements' business, deadlines here are generous."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.load import Sample, closed_loop, failures
from benchmarks.service import Service
from training.tracking import CHAMPION, Tracker, register_bundle

PLAIN, COMPUTED = "/recommend/?title=Star%20Voyage", "/recommend/?movie_id=1&genres=Sci-Fi"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service"), stale_after_seconds="3600", request_timeout_seconds="1")
    made.promote(toy_bundle, "1")
    with made as running:
        running.wait(lambda: running.status("/readyz") == 200)
        yield running


class Load:
    """Requests on a few connections in the background, until `stop`."""

    def __init__(self, service: Service) -> None:
        self._go_on = True
        self.asked = 0
        self._samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run, args=(service.port,))
        self._thread.start()

    def _run(self, port: int) -> None:
        self._samples = asyncio.run(closed_loop(port, [PLAIN, COMPUTED], 4, self._ask))

    def _ask(self) -> bool:
        self.asked += 1
        return self._go_on

    def stop(self) -> list[Sample]:
        self._go_on = False
        self._thread.join()
        return self._samples


def test_row_19_promotions_under_load_fail_no_request_and_mix_no_versions(service: Service, toy_bundle: Path) -> None:
    load = Load(service)
    service.wait(lambda: load.asked > 20)  # the first of them are answered then
    for number in range(2, 8):
        service.promote(toy_bundle, str(number))
        time.sleep(0.1)
    service.wait(lambda: {service.json(PLAIN)["model"]["version"] for _ in range(40)} == {"7"})
    # The load's connections may all be held by the one worker that swaps last.
    enough = load.asked + 500
    service.wait(lambda: load.asked > enough)
    samples = load.stop()
    assert list(failures(samples)) == []
    for sample in samples:
        body = json.loads(sample.body)
        assert body["model"]["run_id"] == f"run{body['model']['version']}"
    assert {json.loads(sample.body)["model"]["version"] for sample in samples} >= {"1", "7"}


def test_metrics_of_all_workers_are_added_up(service: Service) -> None:
    def counted() -> float:
        text = service.get("/metrics")[1].decode()
        return sum(float(n) for n in re.findall(r'requests_total{route="/movies/{movie_id}",status="200"} (\S+)', text))

    before = counted()
    for _ in range(100):
        assert service.status("/movies/1") == 200
    assert counted() == before + 100


HALF_SENT = {
    "nothing": b"",
    "headers": b"GET / HTTP/1.1\r\nhost: loc",
    "body": b"POST /recommend/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
}


@pytest.mark.parametrize("sent", HALF_SENT.values(), ids=HALF_SENT)
def test_row_21_a_half_sent_request_is_cut_and_health_lives(service: Service, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as slow:
        slow.sendall(sent)
        slow.settimeout(20)
        assert service.status("/livez") == 200
        with suppress(ConnectionResetError):
            assert slow.recv(1024) == b""


def test_row_21_endless_headers_are_cut(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as greedy:
        greedy.settimeout(20)
        greedy.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        sent = 0
        with suppress(ConnectionError):
            while sent < 5_000_000:
                greedy.sendall(b"x-more: " + b"y" * 1000 + b"\r\n")
                sent += 1000
        assert sent < 5_000_000


def test_row_23_a_70_kb_title_is_a_problem(service: Service) -> None:
    status, body = service.get("/recommend/?title=" + "a" * 70_000)
    assert (status, json.loads(body)["type"]) == (422, "urn:movierec:problem:invalid-request")


@pytest.mark.parametrize("path", [PLAIN, COMPUTED, "/livez", "/movies/0"])
def test_head_is_get_without_its_body(service: Service, path: str) -> None:
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection:
        told = []
        for method in ("GET", "HEAD"):
            connection.request(method, path)
            answer = connection.getresponse()
            told.append((answer.status, answer.headers["content-type"], answer.headers["content-length"]))
            body = answer.read()
        assert told[0] == told[1]
        assert body == b""


def test_row_35_a_killed_worker_comes_back_while_there_is_no_registry(service: Service) -> None:
    before = {worker.pid for worker in service.workers()}
    os.kill(min(before), signal.SIGKILL)
    service.wait(lambda: len({worker.pid for worker in service.workers()} - before) == 1)
    service.wait(lambda: len(service.workers()) == 2 and service.status(PLAIN) == 200)
    for _ in range(20):
        assert service.status(PLAIN) == 200


def test_row_34_sigterm_under_load_says_not_ready_first_and_loses_nothing(tmp_path: Path, toy_bundle: Path) -> None:
    service = Service(tmp_path, drain_seconds="1")
    service.promote(toy_bundle, "1")
    with service:
        service.wait(lambda: service.status("/readyz") == 200)
        load = Load(service)
        service.wait(lambda: load.asked > 20)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        service.wait(lambda: service.status("/readyz") == 503, 5)
        samples = load.stop()  # as a balancer would
        assert service.process.wait(30) == 0
    assert samples
    assert list(failures(samples)) == []


def test_row_15_and_18_the_registry_leads_and_its_loss_changes_nothing(
    tmp_path: Path, mlflow_store: str, toy_bundle: Path
) -> None:
    tracker = Tracker(mlflow_store)
    versions = [register_bundle(toy_bundle, tracker=tracker, tags={"verdict": "promote"}).number for _ in range(2)]
    tracker.set_alias(CHAMPION, versions[0])
    file = Path(mlflow_store.removeprefix("sqlite:///"))
    with Service(tmp_path / "service", workers=1, arguments=(), tracking_uri=mlflow_store) as service:

        def model() -> tuple[str, bool] | None:
            said = service.json("/model").get("model")
            return (said["version"], said["stale"]) if said else None

        assert service.status("/livez") == 200
        assert service.status("/readyz") in {200, 503}
        service.wait(lambda: model() == ("1", False))
        tracker.set_alias(CHAMPION, versions[1])
        service.wait(lambda: model() == ("2", False))
        tracker.set_alias(CHAMPION, versions[0])
        service.wait(lambda: model() == ("1", False))
    moved = tmp_path / "moved.db"
    file.rename(moved)
    with Service(tmp_path / "service", workers=1, arguments=(), tracking_uri=mlflow_store) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        assert service.json("/model")["model"] | {"run_id": ""} == {
            "name": "movielens-recommender", "version": "1", "run_id": "", "algorithm": "toy", "stale": True
        }  # fmt: skip
        service.wait(lambda: service.json("/model")["registry"]["error"])
        assert service.json("/model")["model"]["stale"] is True
    assert not file.exists()
