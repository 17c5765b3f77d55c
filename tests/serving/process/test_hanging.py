"""Processes that hang, registries that do not answer, and more connections than files: the service goes on."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from testing.service import Service
from tests.serving.conftest import ready

PLAIN = "/recommend/?title=Star%20Voyage&n=3"


@pytest.fixture(scope="module")
def dripping_registry() -> Iterator[str]:
    """The address of a registry that begins an answer to everybody and never ends it."""
    stop = threading.Event()

    def drip(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            caller.recv(65_536)
            caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n")
            while not stop.wait(1):
                caller.sendall(b" ")

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def following(tmp_path: Path, toy_bundle: Path, dripping_registry: str, monkeypatch) -> Iterator[Service]:
    """A service that follows the registry; answers under way could take ten minutes to end."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dripping_registry)
    made = Service(tmp_path, arguments=(), graceful_seconds="600", drain_seconds="0", stale_after_seconds="3")
    with ready(made, toy_bundle) as running:
        yield running


def puller(service: Service) -> psutil.Process | None:
    assert service.process is not None
    children = psutil.Process(service.process.pid).children()
    with suppress(psutil.NoSuchProcess):
        return next((child for child in children if "serving.process.puller_process" in child.cmdline()), None)
    return None


@pytest.mark.fault(46)
def test_a_registry_that_drips_is_called_unreachable_and_delays_no_stop(following: Service) -> None:
    following.wait(lambda: "did not answer within" in str(following.json("/model")["registry"]["error"]))
    assert following.json("/model")["registry"]["reachable"] is False
    assert following.status(PLAIN) == 200
    assert following.process is not None
    following.process.send_signal(signal.SIGTERM)
    assert following.process.wait(60) == 0


@pytest.mark.fault(46)
def test_pull_once_ends_while_the_registry_drips(tmp_path: Path, dripping_registry: str, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dripping_registry)
    monkeypatch.setenv("MOVIEREC_STORE_DIR", str(tmp_path))
    command = [sys.executable, "-P", "-m", "movierec.cli.main", "pull", "--once"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 1
    assert "movierec: The registry did not answer within" in ended.stderr


@pytest.mark.slow  # a process hangs once it has been silent for 30 s
@pytest.mark.fault(46)
def test_stopped_workers_puller_and_guard_are_replaced_and_the_model_card_says_so(following: Service) -> None:
    following.wait(lambda: "did not answer" in str(following.json("/model")["registry"]["error"]))
    before, hanging = following.workers(), puller(following)
    assert hanging is not None
    hanging.suspend()
    following.wait(lambda: "No puller has looked" in str(following.json("/model")["registry"]["error"]))
    before[0].suspend()
    assert following.process is not None
    (guard,) = (one for one in psutil.Process(following.process.pid).children() if "watch" in one.cmdline())
    guard.suspend()

    def called_hanging() -> set[str]:
        return {entry["process"] for entry in following.log() if entry["event"] == "process_hangs"}

    following.wait(lambda: guard.status() != psutil.STATUS_STOPPED)
    following.wait(lambda: called_hanging() >= {"puller", "worker-0"}, 120)
    following.wait(lambda: len(set(following.workers()) - {before[0]}) == 2, 120)
    following.wait(lambda: puller(following) not in (None, hanging), 120)
    assert before[1] in following.workers()
    assert called_hanging() == {"puller", "worker-0"}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Service]:
    """One worker that may open 256 files and waits long for requests."""
    made = Service(
        tmp_path_factory.mktemp("narrow"),
        workers=1,
        most_files="256",
        request_timeout_seconds="600",
        stale_after_seconds="3600",
    )
    with ready(made, toy_bundle) as running:
        yield running


@pytest.mark.fault(51)
def test_more_idle_connections_than_files_hold_up_no_probe(narrow: Service) -> None:
    """Both kinds: connections that sent nothing, and those that wait after an answer."""
    with ExitStack() as opened:
        for number in range(400):
            with suppress(ConnectionError):
                idle = opened.enter_context(socket.create_connection(("127.0.0.1", narrow.port), 30))
                if number % 2:
                    idle.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        for path in ("/livez", "/readyz", PLAIN) * 20:
            assert narrow.status(path) == 200
        (worker,) = narrow.workers()
        assert worker.num_fds() < 256


def exchange(service: Service, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; status and body of the answer."""
    with socket.create_connection(("127.0.0.1", service.port), 30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


DOUBLED = ["host: {0}", "origin: http://{0}"]


@pytest.mark.fault(52)
@pytest.mark.parametrize("header", DOUBLED)
@pytest.mark.parametrize("path", [PLAIN, "/livez"])
def test_a_second_header_of_those_that_decide_is_refused(narrow: Service, path: str, header: str) -> None:
    lines = "\r\n".join(header.format(value) for value in ("localhost", "localhost"))
    other = "" if header.startswith("host") else "host: localhost\r\n"
    status, body = exchange(narrow, f"GET {path} HTTP/1.1\r\nconnection: close\r\n{other}{lines}\r\n\r\n".encode())
    assert (status, json.loads(body)["type"]) == (400, "urn:movierec:problem:malformed")


@pytest.mark.fault(52)
@pytest.mark.parametrize("trailer", ["host: evil.org", "origin: http://evil.org"])
def test_trailers_are_no_headers(narrow: Service, trailer: str) -> None:
    head = "POST /recommend/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
    body = '{"likes": [1]}'
    chunks = f"transfer-encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n{trailer}\r\n\r\n"
    status, answer = exchange(narrow, (head + chunks).encode())
    assert status == 200, answer
