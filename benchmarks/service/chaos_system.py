"""The system that `movierec bench chaos` breaks: a registry, a service and callers, with an oracle for every answer."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil

from benchmarks.service.chaos_http import Registry
from recommender.bundle import verify_bundle
from recommender.errors import BundleError, MovierecError
from serving.versions.entry import Entry
from serving.versions.ownership import is_marked_store
from testing.service import Service
from training.bundling.synthetic import Size, write
from training.registry import CHAMPION, Tracker, register_bundle

HEAL_SECONDS = 120.0  # a hanging process is noticed after 30 s, and a puller's start took 50 on a busy machine
VERSIONS = 3
CALLERS = 3
WORKERS = 2
DISK_MEGABYTES = 96
PATHS = ["/recommend/?movie_id=5&genres=Drama", "/recommend/?user_id=3", "/recommend/?movie_id=9", "/movies/5"]


class System:
    """A running service whose store lies on a small disk of its own where one can be mounted; a context manager."""

    def __init__(self, root: Path, over_http: bool = False) -> None:
        """`over_http`: the puller reaches the registry and its artifacts over HTTP, not on the disk."""
        self.root, self.mlruns = root, root / "mlruns"
        self.temporary = root / "tmp"
        self.temporary.mkdir()
        os.environ["TMPDIR"] = str(self.temporary)  # of the service; this process has chosen its own by now
        self.has_disk = _mount(root / "models")
        self.tracker = Tracker(f"sqlite:///{self.mlruns}/mlflow.db")
        self.http = Registry(self.mlruns) if over_http else None
        if self.http:
            self.tracker = Tracker(self.http.uri)  # artifacts get addresses that can be fetched from afar
        self.numbers = [self._register(seed) for seed in range(VERSIONS)]
        self.champion = self.numbers[0]
        self.tracker.set_alias(CHAMPION, self.champion)
        self.service = Service(
            root,
            workers=WORKERS,
            arguments=(),
            tracking_uri=self.http.proxied_uri if self.http else self.tracker.uri,
            drain_seconds="0.1",
        )
        self.oracle = Oracle()
        self.callers = Callers(self)
        self.broken_at = 0.0  # Unix time at which the last fault was there; a later look at the registry must succeed

    def __enter__(self) -> System:
        try:
            self.service.__enter__()
            for number in reversed(self.numbers):
                self.promote(number)
                self.service.wait(self.is_healed, HEAL_SECONDS)
                for path in PATHS:
                    self.oracle.learn(path, self.service.get(path)[1])
        except BaseException:
            self.__exit__()
            raise
        self.callers.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.callers.stop()
        if self.service.process is not None:
            self.service.stop()
        if self.http is not None:
            self.http.close()
        if self.has_disk:
            subprocess.run(["umount", "--lazy", str(self.root / "models")], check=False)

    def promote(self, number: int) -> None:
        """Let the alias name a version, which is served from then on as soon as possible."""
        self.tracker.set_alias(CHAMPION, number)
        self.champion = number

    def champion_entry(self) -> Entry | None:
        """Return the stored version that the store's pointer names."""
        return self.service.store.current("champion")

    def is_healed(self) -> bool:
        """Return whether all processes run, all of the served version is whole, and answers and `/model` say so."""
        entry = self.champion_entry()
        if entry is None or entry.meta.version != str(self.champion) or not is_marked_store(self.service.store.root):
            return False
        try:
            entry.require_manifest()
            verify_bundle(entry.bundle)
        except (BundleError, OSError):
            return False
        return all(map(_runs, self.processes().values())) and all(self._says_healed() for _ in range(3 * WORKERS))

    def _says_healed(self) -> bool:
        card = self.service.json("/model")
        model, registry = card.get("model", {}), card.get("registry", {})
        is_current = model.get("version") == str(self.champion) and not model.get("stale")
        is_watched = registry.get("reachable") is True and (registry.get("checked_at") or 0) > self.broken_at
        return bool(is_current and is_watched) and self.service.status("/readyz") == 200

    def processes(self) -> dict[str, psutil.Process | None]:
        """Return the processes of the service by role; None for one that is missing."""
        assert self.service.process is not None
        roles: dict[str, psutil.Process | None] = dict.fromkeys(
            ["supervisor", *(f"worker {number}" for number in range(WORKERS)), "puller", "guard"]
        )
        with suppress(psutil.Error):
            roles["supervisor"] = supervisor = psutil.Process(self.service.process.pid)
            for number, worker in enumerate(self.service.workers()[:WORKERS]):
                roles[f"worker {number}"] = worker
            for child in supervisor.children(recursive=True):
                for role in ("puller", "guard"):
                    if any(role in word for word in child.cmdline()):
                        roles[role] = child
        return roles

    def _register(self, seed: int) -> int:
        bundle = self.root / f"made{seed}" / "bundle"
        write(bundle, Size(movies=600, dimensions=16, users=300), seed)
        return int(register_bundle(bundle, tracker=self.tracker, tags={"verdict": "promote"}).number)


class Oracle:
    """Knows the right answers: what each version answered before any fault."""

    def __init__(self) -> None:
        self._answers: set[tuple[str, str, bytes]] = set()  # path, version, answer

    def learn(self, path: str, body: bytes) -> None:
        """Take an answer for right."""
        self._answers.add((path, *_essence(body)))

    def is_right(self, path: str, body: bytes) -> bool:
        """Return whether an answer is, byte for byte, what the version that it names has answered."""
        return (path, *_essence(body)) in self._answers


class Callers:
    """Threads that call without a pause and judge each answer, and one that compares probes with answers."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(number,), daemon=True) for number in range(CALLERS)]
        self._threads.append(threading.Thread(target=self._probe, daemon=True))
        self.counts: Counter[str] = Counter()  # right, wrong, busy (503), none (no answer), lies
        self.wrong: list[str] = []  # what was wrong, in words

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def note(self, kind: str, detail: str = "") -> None:
        """Count an answer; `detail` says what is wrong with it."""
        with self._lock:
            self.counts[kind] += 1
            if detail:
                self.wrong.append(detail)

    def _call(self, seed: int) -> None:
        rng = random.Random(seed)
        while not self._stop.is_set():
            path = rng.choice(PATHS)
            status, body = self._system.service.get(path)
            if status == 200 and self._system.oracle.is_right(path, body):
                self.note("right")
            elif status in {0, 503}:
                self.note("busy" if status else "none")
            else:
                self.note("wrong", f"wrong answer: {path} gives {status} {body[:300]!r}")
            self._stop.wait(0.01)

    def _probe(self) -> None:
        """Ask one worker, on one connection, whether it is ready, for an answer, and whether it is ready."""
        while not self._stop.wait(0.05):
            connection = HTTPConnection("127.0.0.1", self._system.service.port, timeout=10)
            try:
                before, answer, after = (_ask(connection, path) for path in ("/readyz", PATHS[2], "/readyz"))
            except (OSError, HTTPException, ValueError):
                continue
            finally:
                connection.close()
            is_constant = before[0] == after[0] and before[1].get("version") == after[1].get("version")
            version = answer[1].get("model", {}).get("version")
            if is_constant and (answer[0], version) != (before[0], before[1].get("version")):
                self.note("lies", f"/readyz says {before}, an answer {answer[0]} of version {version}")


def _ask(connection: HTTPConnection, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and JSON object of a GET. Raises HTTPException where the connection is closed after it."""
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.will_close:
        raise HTTPException
    return answer.status, dict(json.loads(answer.read()))


def _essence(body: bytes) -> tuple[str, bytes]:
    """Return the version that an answer names, and the answer without what may change: whether it is stale."""
    try:
        document = json.loads(body)
        document["model"].pop("stale", None)
        return str(document["model"]["version"]), json.dumps(document, sort_keys=True).encode()
    except (ValueError, KeyError, TypeError):
        return "", body


def _runs(process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    except psutil.Error:
        return False


def _mount(directory: Path) -> bool:
    """Mount a small disk in memory at a new directory, if that is allowed here."""
    directory.mkdir()
    options = f"size={DISK_MEGABYTES}m,mode=755"
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def remounted(directory: Path, mode: str) -> Iterator[None]:
    """Mount the disk at `directory` anew with the option `mode`, and writable again at the end."""
    _remount(directory, mode)
    try:
        yield
    finally:
        _remount(directory, "rw")


def _remount(directory: Path, mode: str) -> None:
    for _ in range(200):  # it is refused while a file is being written
        if subprocess.run(["mount", "-o", f"remount,{mode}", str(directory)], capture_output=True).returncode == 0:
            return
        time.sleep(0.05)
    raise MovierecError(f"The disk at {directory} could not be mounted anew.")
