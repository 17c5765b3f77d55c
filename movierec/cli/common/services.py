"""Start several servers, wait until all answer, watch them, and stop them together."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import httpx
import typer

from recommender.errors import MovierecError, UsageError
from serving.process import ports
from serving.process.child import Child
from serving.process.guard import Guard
from serving.signals import STOP_SIGNALS, on_stop

START_SECONDS = 120  # enough on a slow disk and two busy cores
STOP_SECONDS = 30  # longer than the API takes to finish its requests; later the servers are killed
POLL_SECONDS = 0.5
PROBE_SECONDS = 5.0
HANG_SECONDS = 60.0  # a server that has not answered for so long is killed and started again
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

    children: dict[Service, Child]
    logs: Path
    guard: Guard

    def start(self, service: Service) -> None:
        """Start one more server."""

        def spawn() -> subprocess.Popen[bytes]:
            environment = os.environ | dict(service.environment)
            with _open_log(self.logs / f"{service.name}.log") as sink:
                return self.guard.spawn(service.argv, stdout=sink, stderr=subprocess.STDOUT, env=environment)

        self.children[service] = Child(service.name, spawn, _say_end)
        self.children[service].keep()

    def wait_until_ready(self) -> None:
        """Wait until every server answers; raise MovierecError, with the end of its log, if one does not."""
        for service, child in self.children.items():
            _wait_until_ready(service, child, self.logs / f"{service.name}.log")

    def wait_for_stop(self) -> None:
        """Start servers again that end or hang, each alone, until the exception Stop."""
        answered_at = dict.fromkeys(self.children, time.monotonic())
        next_probe = 0.0
        while True:
            for service, child in self.children.items():
                if child.keep():
                    answered_at[service] = time.monotonic()
            if time.monotonic() > next_probe:
                self._end_hanging(answered_at)
                next_probe = time.monotonic() + PROBE_SECONDS
            self.guard.keep()
            time.sleep(POLL_SECONDS)

    def _end_hanging(self, answered_at: dict[Service, float]) -> None:
        for service, child in self.children.items():
            if _status(service.ready_url):
                answered_at[service] = time.monotonic()
            elif time.monotonic() - answered_at[service] > HANG_SECONDS and (pid := child.running()) is not None:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # each server leads a session of its own


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
    children: dict[Service, Child] = {}

    def members() -> list[int]:
        return [pid for child in children.values() if (pid := child.running()) is not None]

    with Guard(STOP_SECONDS, members) as guard:
        started = Running(children, logs, guard)
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


def _open_log(log: Path) -> BinaryIO:
    """Open a log for appending: what lies there is kept, and a link is not followed to somebody else's file."""
    try:
        return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644), "ab")
    except OSError as error:
        raise UsageError(f"The log {log} cannot be written: {error.strerror}. Move what is there.") from error


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold a lock file during the block. Raises UsageError that names the process that holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode()
            raise UsageError(
                f"`make run` or `movierec demo` runs here already (process {pid}), with the same store, runs and logs. "
                f"End it with `kill {pid}`, or set MOVIEREC_HOME to another directory for a second one."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _say_end(name: str, code: int, pause: float) -> None:
    with suppress(OSError):  # the terminal may be closed
        typer.echo(f"The {name} ended with code {code}; it is started again in {pause:.1f} s.", err=True)


def _wait_until_ready(service: Service, child: Child, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (code := child.exit_code()) is not None and code >= 0:  # it ended by itself, nobody killed it
            raise MovierecError(f"The {service.name} did not start (code {code}):\n{_tail(log)}")
        child.keep()
        if _status(service.ready_url) == httpx.codes.OK:
            return
        time.sleep(0.2)
    raise MovierecError(f"The {service.name} did not answer within {START_SECONDS} s:\n{_tail(log)}")


def _status(url: str) -> int:
    """Return the status of the answer; 0 where none comes."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
