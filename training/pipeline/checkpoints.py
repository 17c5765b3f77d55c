"""Finished stages of a training run, kept on disk: after a kill the next run of the same plan reuses them.

A workspace belongs to one process at a time, and to one plan (data, configuration, seed). Its marker lists what was
finished; exactly that is removed at the end. Stages that other code made are not reused.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

from filelock import FileLock, Timeout

from recommender import home
from recommender.files import entries, foreign_entries, mark, marked_files, remove_directory, whole_file, write_text
from training.evaluation.result import Evaluation, load_evaluation, save_evaluation


class Workspace:
    """A directory of finished stages. `name` is unique among the runs that have registered anything."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._claiming = Lock()
        self.name = self.stage_json("name", lambda: f"{directory.name}-{os.urandom(4).hex()}")

    def stage_json(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the result of `compute`, anything that JSON holds; computed once for the stage `name`."""
        path = self.directory / f"{name}.json"
        if not path.exists():
            write_text(path, json.dumps(compute()))
            self._claim(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def stage_evaluation(self, name: str, compute: Callable[[], Evaluation]) -> Evaluation:
        """Return the evaluation of the stage `name`, computed once."""
        path = self.directory / f"{name}.npz"
        if path.exists():
            return load_evaluation(path)
        evaluation = compute()
        with whole_file(path) as fresh:
            save_evaluation(fresh, evaluation, compressed=False)  # it does not live long
        self._claim(path)
        return evaluation

    def stage_directory(self, name: str, build: Callable[[Path], Any]) -> Path:
        """Return the directory of the stage `name`, made once by `build` at its path, whole or not at all."""
        path = self.directory / name
        if not path.exists():
            build(path)
            self._claim(path)
        return path

    def _claim(self, path: Path) -> None:
        """Record that this workspace has made a file, or a directory with all its files."""
        name = path.relative_to(self.directory).as_posix()
        with self._claiming:  # stages end in several threads
            mark(self.directory, [f"{name}/{entry}" for entry in entries(path)] or [name], "stages")


@contextmanager
def open_workspace(key: str, root: Path | None = None) -> Iterator[Workspace]:
    """Open a workspace for the plan `key`, left by a dead process or new, and remove it when the block succeeds.

    Several processes may train the same plan at once; each has its own.
    """
    root = root or home.training_stages()
    root.mkdir(parents=True, exist_ok=True)
    for number in count():
        directory = root / f"{key}-{number}"
        lock = FileLock(root / f"{directory.name}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        with lock:
            if foreign_entries(directory, marked_files("stages")):
                continue  # a stage with other files in it would be taken for finished, and removed with them
            directory.mkdir(exist_ok=True)
            yield Workspace(directory)
            remove_directory(directory, marked_files("stages"))
        return


@cache
def git_commit(*written: str) -> str | None:
    """Return the commit of this checkout, with `-dirty` where files differ from it; None outside of git.

    `written`: files that may differ, because the caller writes them.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's repository
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        others = [f":(exclude){path}" for path in written]
        changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *others)
        return f"{commit}-dirty" if changes else commit
    except (OSError, subprocess.CalledProcessError):
        return None


@cache
def code_digest(*further: str) -> str:
    """Return a hash of the sources of recommender and training; stages that other code made are not reused.

    `further`: hashes of other code that takes part.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.sha256("".join(further).encode())
    for path in sorted(path for package in ("recommender", "training") for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
