"""Several servers as one: started together, watched until they answer, stopped together without leftovers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import httpx

from recommender.errors import MovierecError, UsageError

START_SECONDS = 120  # a cold disk and two busy cores are slow; a server that is still silent then is broken
STOP_SECONDS = 15  # time for answers in flight; whatever is left is killed
LOG_LINES = 15


@dataclass(frozen=True)
class Service:
    """A server: how to start it and the URL that answers 200 once it is ready."""

    name: str
    argv: Sequence[str]
    port: int
    ready_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


class Stop(Exception):
    """SIGINT or SIGTERM arrived: no error, a person or a supervisor asked."""


def require_free(services: Sequence[Service]) -> None:
    """Raise UsageError where a port is taken, before anything slow is done."""
    for service in services:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", service.port))
            except OSError:
                variable = f"{service.name.upper()}_PORT"
                raise UsageError(
                    f"Port {service.port} for the {service.name} is taken; stop what listens there or choose another, "
                    f"for example: make run {variable}={service.port + 1}"
                ) from None


@contextmanager
def running(services: Sequence[Service], logs: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start every service with its output in `logs`, wait until all answer, and stop all at the end.

    Each service leads a process group of its own, so that its workers end with it. Raises MovierecError with the end
    of the log where a service dies or stays silent.
    """
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        processes = {}
        for service in services:
            processes[service.name] = _start(service, logs / f"{service.name}.log")
            stack.callback(_stop, processes[service.name])
        for service in services:
            _wait_until_ready(service, processes[service.name], logs / f"{service.name}.log")
        yield processes


def wait_for_stop(processes: Mapping[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Return on SIGINT or SIGTERM (raised as Stop); raise MovierecError when a service ends by itself."""
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise MovierecError(f"The {name} ended with code {process.returncode}:\n{_tail(logs / f'{name}.log')}")
        time.sleep(0.5)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into Stop inside the block, so that `running` cleans up."""

    def raise_stop(signum: int, frame: FrameType | None) -> None:
        # A second signal must not cut the clean-up short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stop

    before = {number: signal.signal(number, raise_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(service: Service, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        return subprocess.Popen(
            list(service.argv),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(service.environment),
            start_new_session=True,
        )


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


def _stop(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # Workers of a server that is gone, or that did not stop in time.
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
