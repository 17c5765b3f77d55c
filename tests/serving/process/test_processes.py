"""The service as real processes under faults; times are the measurements' business, deadlines here are generous."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from serving.process.python import module_command
from testing.load import Background, Sample, failures
from testing.service import Service
from tests.serving.conftest import ready

# The toy model has five neighbours of each film ready.
PLAIN, COMPUTED = "/recommend/?title=Star%20Voyage&n=3", "/recommend/?movie_id=1&genres=Sci-Fi"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service"), stale_after_seconds="3600", request_timeout_seconds="1")
    with ready(made, toy_bundle) as running:
        yield running


def versions(samples: Sequence[Sample]) -> list[str]:
    """The version that each answer names."""
    return [json.loads(sample.body)["model"]["version"] for sample in samples]


def promote_under_load(service: Service, load: Background, bundle: Path, numbers: Iterable[int]) -> None:
    """One version after the other, each as soon as the load has seen the one before."""
    for number in numbers:
        service.promote(bundle, str(number))
        service.store.prune(3)
        service.wait(partial(_seen, load, str(number)))


def _seen(load: Background, version: str) -> bool:
    return versions(load.samples[-1:]) == [version]


@pytest.mark.fault(19)
def test_promotions_under_load_fail_no_request_and_mix_no_versions(service: Service, toy_bundle: Path) -> None:
    with Background(service.port, [PLAIN, COMPUTED]) as load:
        service.wait(lambda: load.samples)
        promote_under_load(service, load, toy_bundle, range(2, 8))
    assert list(failures(load.samples)) == []
    for sample in load.samples:
        model = json.loads(sample.body)["model"]
        assert model["run_id"] == f"{model['version']:>032}"
    assert set(versions(load.samples)) == set("1234567")


def footprint(service: Service) -> list[tuple[int, int]]:
    """Of each worker: open files, and versions whose files it maps."""
    store = f"{service.store.root}/versions/"

    def mapped(worker: psutil.Process) -> set[str]:
        paths = (one.path.partition(store)[2] for one in worker.memory_maps())
        return {path.partition("/")[0] for path in paths if path}

    return [(worker.num_fds(), len(mapped(worker))) for worker in service.workers()]


@pytest.mark.slow
@pytest.mark.fault(33)
def test_swaps_under_load_leave_no_open_file_and_no_mapped_version(service: Service, toy_bundle: Path) -> None:
    with Background(service.port, [PLAIN, COMPUTED]) as load:
        promote_under_load(service, load, toy_bundle, range(10, 13))
        before = max(files for files, _ in footprint(service))
        promote_under_load(service, load, toy_bundle, range(13, 25))
    assert list(failures(load.samples)) == []

    def flat() -> bool:
        service.status(PLAIN)  # a worker lets the version before go with the first answer from the next
        return all(files <= before and mapped == 1 for files, mapped in footprint(service))

    service.wait(flat)  # the load's connections are gone: a file kept by each swap would show


def counts(service: Service, name: str, expected: int) -> bool:
    """Whether the metric of that name and labels has that value."""
    return f"\n{name} {float(expected)}\n" in service.get("/metrics")[1].decode()


def worker_that_answers(service: Service, path: str) -> str:
    """What distinguishes the worker that happens to answer, from the request's id."""
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return str(answer.headers["x-request-id"]).partition("-")[0]


@pytest.fixture
def narrow(tmp_path: Path, toy_bundle: Path) -> Iterator[Service]:
    """A service of its own that computes one answer at a time and lets one wait, in each worker."""
    made = Service(tmp_path, running_limit="1", queue_limit="1")
    made.promote(toy_bundle, "1")
    with made as running:
        running.wait(lambda: running.status("/readyz") == 200)
        yield running


def test_metrics_add_up_the_calls_of_all_workers(narrow: Service) -> None:
    for path, route in ((PLAIN, "/recommend/"), ("/movies/1", "/movies/{movie_id}")):
        workers: list[str] = []
        while len(workers) < 50 or len(set(workers)) < 2:
            workers.append(worker_that_answers(narrow, path))
            assert len(workers) < 5000, "one worker answers everything"
        name = f'movierec_requests_total{{route="{route}",status="200"}}'
        narrow.wait(partial(counts, narrow, name, len(workers)))


@pytest.mark.fault(20)
def test_the_excess_is_refused_and_counted_while_health_and_plain_calls_answer(narrow: Service) -> None:
    with Background(narrow.port, [COMPUTED], clients=32) as load:
        narrow.wait(lambda: {sample.status for sample in load.samples} == {200, 503})
        answers = [narrow.status(path) for path in ["/livez", "/readyz", PLAIN] * 20]
    assert answers == [200] * len(answers)
    refused = [sample for sample in load.samples if sample.status == 503]
    assert {json.loads(sample.body)["type"] for sample in refused} == {"urn:movierec:problem:overloaded"}
    assert len(list(failures(load.samples))) == len(refused)
    for name in ("movierec_rejected_total", 'movierec_requests_total{route="none",status="503"}'):
        narrow.wait(partial(counts, narrow, name, len(refused)))


HALF_SENT = {
    "nothing": b"",
    "headers": b"GET / HTTP/1.1\r\nhost: loc",
    "body": b"POST /recommend/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
}


@pytest.mark.fault(21)
@pytest.mark.parametrize("sent", HALF_SENT.values(), ids=HALF_SENT)
def test_a_half_sent_request_is_cut_and_health_lives(service: Service, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as slow:
        slow.sendall(sent)
        slow.settimeout(20)
        assert service.status("/livez") == 200
        with suppress(ConnectionResetError):
            assert slow.recv(1024) == b""


@pytest.mark.fault(21)
def test_endless_headers_are_cut(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as greedy:
        greedy.settimeout(20)
        greedy.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        sent = 0
        with suppress(ConnectionError):
            while sent < 5_000_000:
                greedy.sendall(b"x-more: " + b"y" * 1000 + b"\r\n")
                sent += 1000
        assert sent < 5_000_000


@pytest.mark.fault(23)
def test_a_70_kb_title_is_a_problem(service: Service) -> None:
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


@pytest.mark.fault(35)
def test_a_killed_worker_comes_back_while_there_is_no_registry(service: Service) -> None:
    before = {worker.pid for worker in service.workers()}
    os.kill(min(before), signal.SIGKILL)
    service.wait(lambda: len({worker.pid for worker in service.workers()} - before) == 1)
    service.wait(lambda: len(service.workers()) == 2 and service.status(PLAIN) == 200)
    for _ in range(20):
        assert service.status(PLAIN) == 200


@pytest.mark.fault(34)
def test_sigterm_under_load_says_not_ready_first_and_loses_nothing(tmp_path: Path, toy_bundle: Path) -> None:
    service = Service(tmp_path, drain_seconds="1")
    service.promote(toy_bundle, "1")
    with service:
        service.wait(lambda: service.status("/readyz") == 200)
        with Background(service.port, [PLAIN, COMPUTED]) as load:
            service.wait(lambda: load.samples)
            assert service.process is not None
            service.process.send_signal(signal.SIGTERM)
            service.wait(lambda: service.status("/readyz") == 503)  # then a balancer looks away, as the load does
        assert service.process.wait(30) == 0
    assert list(failures(load.samples)) == []


@pytest.mark.fault(39)
def test_workers_and_puller_end_with_a_killed_supervisor(tmp_path: Path, toy_bundle: Path) -> None:
    """Also a worker that hangs."""
    service = Service(tmp_path, arguments=(), graceful_seconds="1")
    service.promote(toy_bundle, "1")
    with service:
        service.wait(lambda: service.status("/readyz") == 200)
        assert service.process is not None
        supervisor = psutil.Process(service.process.pid)
        service.wait(
            lambda: any("serving.process.puller_process" in p.cmdline() for p in supervisor.children(recursive=True))
        )
        family = supervisor.children(recursive=True)
        service.workers()[0].suspend()
        service.process.kill()
        try:
            service.wait(lambda: not any(process.is_running() for process in family))
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        with socket.create_server(("127.0.0.1", service.port)):
            assert service.process.wait(30) == -signal.SIGKILL


@pytest.mark.fault(39)
def test_a_taken_port_names_the_service_that_holds_it(service: Service) -> None:
    assert service.process is not None
    command = module_command("movierec.cli.main", "serve", "--port", str(service.port))
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert (
        f"Port {service.port} for the service is taken by `movierec serve` (process {service.process.pid}, since 2"
        in (refused.stderr)
    )
    assert f"End it with `kill {service.process.pid}`, or choose another port with --port" in refused.stderr
