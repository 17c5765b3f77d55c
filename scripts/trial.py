"""What trials of the installed package share: commands, servers that run for a while, and steps with their times."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120.0  # a busy machine is no failure
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
NONE: Mapping[str, str] = MappingProxyType({})
# None of the caller's own settings: an installed package must do without them.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MLFLOW", "MOVIEREC", "PYTHON", "VIRTUAL_ENV"))
}


def run(
    *words: str | Path, cwd: Path = ROOT, code: int = 0, variables: Mapping[str, str] = NONE, user: str | None = None
) -> str:
    """Run a command to its end; return what it prints, or its error. Exits where its exit code is not `code`."""
    command, environment = list(map(str, words)), ENVIRONMENT | dict(variables)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, **_as(user))
    require(done.returncode == code, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stderr if code else done.stdout)


@contextmanager
def service(movierec: Path, cwd: Path, variables: Mapping[str, str] = NONE, user: str | None = None) -> Iterator[str]:
    """Serve until the block ends; give the address once a version is served. Its end must be a clean one."""
    log = cwd / "serve.log"
    with started([movierec, "serve", "--port", "0", "--workers", "1"], log, cwd, variables, user) as process:
        wait(lambda: LISTENING.search(log.read_text()), log, process)
        address = LISTENING.findall(log.read_text())[0]
        wait(lambda: fetch(f"{address}/readyz"), log, process)
        yield address
        process.send_signal(signal.SIGTERM)
        require(process.wait(60) == 0, log.read_text())
    require("process_ended" not in log.read_text(), log.read_text())


@contextmanager
def started(
    command: Sequence[str | Path], log: Path, cwd: Path, variables: Mapping[str, str] = NONE, user: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    with log.open("wb") as sink:
        environment = ENVIRONMENT | dict(variables)
        words = list(map(str, command))
        process = subprocess.Popen(words, cwd=cwd, env=environment, stdout=sink, stderr=sink, **_as(user))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _as(user: str | None) -> dict[str, Any]:
    """Return the options of a process that another user of this machine runs."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


def wait(condition: Callable[[], object], log: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until `condition()`. Exits with the server's log where the server ends or takes too long."""

    def is_there() -> object:
        require(process.poll() is None, f"{log.name}:\n{log.read_text()[-3000:]}")
        return condition()

    wait_until(is_there, f"{log.name} says nothing of it in {PATIENCE_SECONDS:.0f} s")


def wait_until(condition: Callable[[], object], failure: str) -> None:
    """Wait until `condition()`; exit with `failure` where it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        require(time.monotonic() < deadline, failure)
        time.sleep(0.1)


def fetch(url: str) -> bytes:
    """Return what a GET answers, nothing where it fails."""
    try:
        with urlopen(url, timeout=10) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the name of the block and the seconds that it took."""
    start = time.monotonic()
    yield
    say(f"{time.monotonic() - start:6.1f} s  {name}")


def require(condition: object, failure: str) -> None:
    """Exit with `failure` unless the condition holds."""
    if not condition:
        sys.exit(f"The trial failed: {failure}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
