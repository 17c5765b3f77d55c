"""Start several servers, wait until all answer, watch them, and stop them together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import httpx

from recommender.errors import MovierecError, UsageError
from serving.process import ports
from serving.process.guard import Guard
from serving.signals import STOP_SIGNALS, on_stop

START_SECONDS = 120  # enough on a slow disk and two busy cores
STOP_SECONDS = 30  # longer than the API takes to finish its requests; later the servers are killed
POLL_SECONDS = 0.5
LOG_LINES = 15


@dataclass(frozen=True, eq=False)
class Service:
    """A server: its command line, port, environment, and the URL that answers 200 once it is ready."""

    name: str
    argv: Sequence[str]
    port: int
    ready_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


class Stop(Exception):
    """Raised when SIGINT, SIGTERM or SIGHUP arrives; not an error."""


class Running(NamedTuple):
    """Started servers and their processes, the directory of their logs, and the guard that ends them."""

    processes: dict[Service, subprocess.Popen[bytes]]
    logs: Path
    guard: Guard

    def start(self, service: Service) -> None:
        """Start one more server."""
        self.processes[service] = _start(service, self.guard, self.logs / f"{service.name}.log")

    def wait_until_ready(self) -> None:
        """Wait until every server answers; raise MovierecError, with the end of its log, if one does not."""
        for service, process in self.processes.items():
            _wait_until_ready(service, process, self.logs / f"{service.name}.log")

    def wait_for_stop(self) -> None:
        """Watch the servers until the exception Stop; raise MovierecError if a server ends by itself."""
        while True:
            for service, process in self.processes.items():
                if process.poll() is not None:
                    log = _tail(self.logs / f"{service.name}.log")
                    raise MovierecError(f"The {service.name} ended with code {process.returncode}:\n{log}")
            self.guard.keep()
            time.sleep(POLL_SECONDS)


def require_free(services: Sequence[Service]) -> None:
    """Raise UsageError if the port of a server is taken."""
    for service in services:
        variable = f"{service.name.upper()}_PORT"
        advice = f"choose another port, for example: make run {variable}={service.port + 1}"
        ports.require_free("127.0.0.1", service.port, f"the {service.name}", advice)


@contextmanager
def running(services: Sequence[Service], logs: Path) -> Iterator[Running]:
    """Start every server with its output in `logs`, and stop all at the end.

    Each server runs in a session of its own and ends with this process, even if this process is killed.
    """
    logs.mkdir(parents=True, exist_ok=True)
    processes: dict[Service, subprocess.Popen[bytes]] = {}

    def members() -> list[int]:
        return [process.pid for process in processes.values() if process.poll() is None]

    with Guard(STOP_SECONDS, members) as guard:
        started = Running(processes, logs, guard)
        for service in services:
            started.start(service)
        yield started


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise Stop on SIGINT, SIGTERM or SIGHUP inside the block, so that `running` cleans up."""

    def raise_stop() -> None:
        # A second signal must not cut the clean-up short.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stop

    with on_stop(raise_stop):
        yield


def stop_with(parent: int) -> None:
    """Send this process SIGTERM once its parent process `parent` has ended; a killed `make` passes on no signal."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _start(service: Service, guard: Guard, log: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | dict(service.environment)
    with _open_log(log) as sink:
        return guard.spawn(service.argv, stdout=sink, stderr=subprocess.STDOUT, env=environment)


def _open_log(log: Path) -> BinaryIO:
    """Open a log for appending: what lies there is kept, and a link is not followed to somebody else's file."""
    try:
        return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644), "ab")
    except OSError as error:
        raise UsageError(f"The log {log} cannot be written: {error.strerror}. Move what is there.") from error


def _wait_until_ready(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise MovierecError(f"The {service.name} did not start (code {process.returncode}):\n{_tail(log)}")
        if _answers(service.ready_url):
            return
        time.sleep(0.2)
    raise MovierecError(f"The {service.name} did not answer within {START_SECONDS} s:\n{_tail(log)}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
