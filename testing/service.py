"""Run `movierec serve` and other servers as real processes, for benchmarks and tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil

from recommender.errors import MovierecError
from serving.process.python import module_command
from serving.versions.entry import Entry, VersionMeta
from serving.versions.model_store import ModelStore
from serving.versions.status import RegistryStatus

START_SECONDS = 60.0  # generous, for a busy machine


class Service:
    """A running `movierec serve` with its store below `root`; a context manager."""

    def __init__(
        self,
        root: Path,
        *,
        workers: int = 2,
        arguments: Sequence[str] = ("--no-pull",),
        most_files: str = "",
        **environment: str,
    ) -> None:
        """Prepare the service; `environment`: settings without their prefix, such as `drain_seconds="0.2"`.

        `most_files`: the most that each process may open.
        """
        self._limits = ["sh", "-c", f'ulimit -n {most_files}; exec "$@"', "sh"] if most_files else []
        self.store = ModelStore(root / "models")
        self._log = root / "serve.log"
        self._arguments = [*arguments, "--port", "0", "--workers", str(workers)]
        settings = {f"MOVIEREC_{name.upper()}": value for name, value in environment.items()}
        self._environment = {**os.environ, **settings, "MOVIEREC_STORE_DIR": str(self.store.root)}
        if "tracking_uri" in environment:
            self._environment.pop("MLFLOW_TRACKING_URI", None)  # which would win, and MLflow sets it for its children
        self._workers = workers
        self.port = 0
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as sink:
            command = [*self._limits, *module_command("movierec.cli.main", "serve", *self._arguments)]
            self.started_at = time.perf_counter()
            self.process = subprocess.Popen(command, env=self._environment, stderr=sink, stdout=sink)
        self.wait(lambda: self._find_port() and self.status("/livez") == 200)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """Stop the service with SIGTERM and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
            return self.process.wait()

    def workers(self) -> list[psutil.Process]:
        """Return the API processes."""
        assert self.process is not None
        return [child for child in psutil.Process(self.process.pid).children() if _is_worker(child)]

    def status(self, path: str) -> int:
        """Return the status of a GET; 0 if nothing answers."""
        return self.get(path)[0]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of a GET on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()

    def json(self, path: str) -> dict[str, Any]:
        """Return the JSON object at `path`; {} if nothing answers."""
        body = self.get(path)[1]
        return dict(json.loads(body)) if body else {}

    def output(self) -> str:
        """Return everything that the service has printed."""
        return self._log.read_text()

    def log(self) -> list[dict[str, Any]]:
        """Return the entries of the service's log."""
        return [json.loads(entry) for entry in self.output().splitlines() if entry.startswith("{")]

    def wait(self, condition: Callable[[], Any], seconds: float = START_SECONDS) -> float:
        """Wait until `condition()` and return the seconds that it took; raise MovierecError after `seconds`."""
        start = time.perf_counter()
        while not condition():
            if time.perf_counter() - start > seconds:
                raise MovierecError(f"It did not happen within {seconds} s:\n{self.output()[-3000:]}")
            time.sleep(0.005)
        return time.perf_counter() - start

    def install(self, bundle: Path, version: str) -> Entry:
        """Put a bundle into the store as `version`, which no alias names yet."""
        meta = VersionMeta(name="movielens-recommender", version=version, run_id=f"{version:>032}", algorithm="toy")
        return self.store.install(meta, lambda target: _link(bundle, target))

    def promote(self, bundle: Path, version: str) -> Entry:
        """Install a bundle as the champion `version` in the store, as the puller does."""
        entry = self.install(bundle, version)
        self.store.point("champion", entry)
        confirmed = RegistryStatus(reachable=True, checked_at=time.time(), confirmed={"champion": entry.key})
        self.store.write_status(confirmed)
        return entry

    def _find_port(self) -> int:
        listening = [entry for entry in self.log() if entry.get("event") == "listening"]
        if listening:
            self.port = int(listening[0]["url"].rpartition(":")[2])
        return self.port


def _is_worker(process: psutil.Process) -> bool:
    """Return whether a process is a worker: forked workers keep the supervisor's command, puller and guard do not."""
    try:
        return "serve" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def _link(bundle: Path, target: Path) -> None:
    """Copy by hard links; the store never edits files in place."""
    shutil.copytree(bundle, target, copy_function=os.link)


@contextmanager
def server(
    command: Sequence[str], is_ready: Callable[[], object], failure: MovierecError, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run another server until the block ends, which begins once `is_ready()`; `options`: of the process.

    Raises `failure` where it ends before, or is not ready within two minutes.
    """
    process = subprocess.Popen(command, **options)
    try:
        deadline = time.monotonic() + 2 * START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise failure
            time.sleep(0.005)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    """Return whether a GET of an address is answered with 200."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def listens(port: int) -> bool:
    """Return whether a process of this machine takes connections at `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
