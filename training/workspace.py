"""What a training run has finished so far, on disk: after a kill the next run of the same plan goes on from there.

A workspace belongs to one process at a time, and to one plan (data, configuration, seed). It is removed at the end.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from training.evaluation.result import Evaluation, load_evaluation, save_evaluation

WORK_ROOT = Path("var/training")


class Workspace:
    """One directory of finished stages. `name` is unique among the runs that have registered anything."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = self.stage_json("name", lambda: f"{directory.name}-{os.urandom(4).hex()}")

    def stage_json(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` gave for the stage `name`, computed once; anything that JSON holds."""
        path = self.directory / f"{name}.json"
        if not path.exists():
            _write_whole(path, lambda part: part.write_text(json.dumps(compute()), encoding="utf-8"))
        return json.loads(path.read_text(encoding="utf-8"))

    def stage_evaluation(self, name: str, compute: Callable[[], Evaluation]) -> Evaluation:
        """The evaluation of the stage `name`, computed once."""
        path = self.directory / f"{name}.npz"
        if not path.exists():
            _write_whole(path, lambda part: save_evaluation(part, compute()))
        return load_evaluation(path)

    def stage_directory(self, name: str, build: Callable[[Path], Any]) -> Path:
        """The directory that `build` makes (at the path it is given, whole or not at all), made once."""
        path = self.directory / name
        if not path.exists():
            build(path)
        return path


@contextmanager
def open_workspace(key: str, root: Path = WORK_ROOT) -> Iterator[Workspace]:
    """A workspace for the plan `key`: one that a dead process left, or a new one. Removed when the block succeeds.

    Several processes may train the same plan at once; each has its own.
    """
    root.mkdir(parents=True, exist_ok=True)
    for number in count():
        directory = root / f"{key}-{number}"
        lock = FileLock(root / f"{directory.name}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        with lock:
            directory.mkdir(exist_ok=True)
            yield Workspace(directory)
            shutil.rmtree(directory)
        return


def _write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    write(part)
    part.replace(path)
