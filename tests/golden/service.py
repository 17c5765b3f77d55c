"""`movierec serve` as real processes in a home directory, started by its command and reached by its port alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.golden.exchange import Client

COMMAND = Path(sys.executable).with_name("movierec")
PATIENCE_SECONDS = 120.0  # a busy machine is no failure
TOKEN = "golden"
SETTINGS = {
    "ADMIN_TOKEN": TOKEN,
    "ALLOWED_ORIGINS": '["https://films.example"]',
    "CHALLENGER_ALIAS": "challenger",
    "DRAIN_SECONDS": "0.1",
    "EXPLAIN_USERS": "true",
    "STALE_AFTER_SECONDS": "86400",
}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_LOOKS = 12  # at each slot: every worker loads a version in its own time


def environment() -> dict[str, str]:
    """The environment of every command: none of the caller's own settings, and those of the recording."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "MOVIEREC"))}
    return (
        inherited | {"MLFLOW_DISABLE_TELEMETRY": "true"} | {f"MOVIEREC_{key}": value for key, value in SETTINGS.items()}
    )


@contextmanager
def running(
    home: Path, variables: Mapping[str, str] = MappingProxyType({}), *, movierec: Path = COMMAND, workers: int = 2
) -> Iterator[int]:
    """Serve the store in `home`; the port, once every worker answers from versions that the registry confirms.

    `variables` are added to the environment.
    """
    log = home / "serve.log"
    with log.open("wb") as sink:
        command = [str(movierec), "serve", "--port", "0", "--workers", str(workers)]
        everything = {**environment(), **variables}
        process = subprocess.Popen(command, cwd=home, env=everything, stdout=sink, stderr=subprocess.STDOUT)
    try:
        wait(lambda: process.poll() is not None or _ADDRESS.search(log.read_text()), log)
        address = _ADDRESS.search(log.read_text())
        if address is None:
            raise RuntimeError(f"The service ended with exit code {process.poll()}:\n{log.read_text()[-3000:]}")
        port = int(address[1])
        wait(lambda: _is_confirmed(port, "champion") and _is_confirmed(port, "challenger"), log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait(condition: Callable[[], object], log: Path) -> None:
    """Wait until `condition()`. Raises TimeoutError with the end of the log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not happen within {PATIENCE_SECONDS:g} s:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)


def served_version(port: int, slot: str = "champion") -> str | None:
    """The version that a slot answers from, where the registry confirms it."""
    with Client(port) as client:
        try:
            answer = client.get(f"/model?model={slot}")
        except OSError:
            return None
    model = json.loads(answer.body).get("model") if answer.status == 200 else None
    return None if model is None or model["stale"] else str(model["version"])


def serves(port: int, version: int, log: Path) -> None:
    """Wait until every worker's champion is this version."""
    wait(lambda: all(served_version(port) == str(version) for _ in range(_LOOKS)), log)


def _is_confirmed(port: int, slot: str) -> bool:
    return all(served_version(port, slot) for _ in range(_LOOKS))
