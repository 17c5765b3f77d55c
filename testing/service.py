"""The service as real processes: `movierec serve` over a store of its own, for measurements and for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from recommender.errors import MovierecError
from serving.versions.entry import Entry, VersionMeta
from serving.versions.model_store import ModelStore
from serving.versions.status import RegistryStatus

START_SECONDS = 60.0  # a machine may be busy; a service that is silent for longer is broken


class Service:
    """`movierec serve` with its store under `root`; a context manager."""

    def __init__(
        self, root: Path, *, workers: int = 2, arguments: Sequence[str] = ("--no-pull",), **environment: str
    ) -> None:
        """`environment`: settings without their prefix, as `drain_seconds="0.2"`."""
        self.store = ModelStore(root / "models")
        self._log = root / "serve.log"
        self._arguments = [*arguments, "--port", "0", "--workers", str(workers)]
        settings = {f"MOVIEREC_{name.upper()}": value for name, value in environment.items()}
        self._environment = {**os.environ, **settings, "MOVIEREC_STORE_DIR": str(self.store.root)}
        self._workers = workers
        self.port = 0
        self.started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as sink:
            command = [sys.executable, "-m", "movierec.cli.main", "serve", *self._arguments]
            self.started_at = time.perf_counter()
            self.process = subprocess.Popen(command, env=self._environment, stderr=sink, stdout=sink)
        self.wait(lambda: self._find_port() and self.status("/livez") == 200)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
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
        """The API processes."""
        assert self.process is not None
        return [child for child in psutil.Process(self.process.pid).children() if _is_worker(child)]

    def status(self, path: str) -> int:
        """Status of a GET, 0 where nothing answers."""
        return self.get(path)[0]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of a GET on a connection of its own."""
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
        """The JSON object at `path`, {} where nothing answers."""
        body = self.get(path)[1]
        return dict(json.loads(body)) if body else {}

    def output(self) -> str:
        """All that the service has printed."""
        return self._log.read_text()

    def log(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]

    def wait(self, condition: Callable[[], Any], seconds: float = START_SECONDS) -> float:
        """Wait until `condition()`; the seconds that it took. Raises MovierecError with the end of the log."""
        start = time.perf_counter()
        while not condition():
            if time.perf_counter() - start > seconds:
                raise MovierecError(f"It did not happen within {seconds} s:\n{self.output()[-3000:]}")
            time.sleep(0.005)
        return time.perf_counter() - start

    def promote(self, bundle: Path, version: str) -> Entry:
        """Do what the puller does for a promoted version."""
        meta = VersionMeta(name="movielens-recommender", version=version, run_id=f"{version:>032}", algorithm="toy")
        entry = self.store.install(meta, lambda target: _link(bundle, target))
        self.store.point("champion", entry)
        confirmed = RegistryStatus(reachable=True, checked_at=time.time(), confirmed={"champion": entry.key})
        self.store.write_status(confirmed)
        return entry

    def _find_port(self) -> int:
        listening = [line for line in self.log() if line.get("event") == "listening"]
        if listening:
            self.port = int(listening[0]["url"].rpartition(":")[2])
        return self.port


def _is_worker(process: psutil.Process) -> bool:
    """Workers are forked and keep the supervisor's command; the puller and the guard have one of their own."""
    try:
        return "serve" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def _link(bundle: Path, target: Path) -> None:
    """A copy that costs no space; the store never edits files in place."""
    shutil.copytree(bundle, target, copy_function=os.link)
