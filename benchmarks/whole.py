"""The whole way on a twin of MovieLens 25M with its tag genome: prepare, `train all`, gate and promotion, first answer.

Each stage is a command of its own. `record.json` in `var/whole-RATINGS` says what was done: after a kill in any stage
the next run continues from there, and `train all` from what it has finished itself. Times add up over all attempts, and
the processes of a killed run end with it. Remove the directory to measure anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel

from benchmarks import pipeline
from benchmarks.tools.figures import Figure, resident
from benchmarks.tools.twins import twin, twin_config
from recommender import home
from recommender.errors import MovierecError
from recommender.files import write_text
from serving.process.guard import Guard
from serving.process.python import module_command
from testing.service import Service
from training.registry import Tracker

DATASET = "twin"
PATIENCE_SECONDS = 600.0  # for the first answer
SAMPLE_SECONDS, SAVE_SECONDS = 0.2, 5.0
_BUNDLE = "files to bundle"  # as `bench pipeline` measures it: the last line says its seconds
_GIB = 2**30


class Cost(BaseModel):
    """What all attempts of a stage took so far."""

    seconds: float = 0
    processor_seconds: float = 0
    peak_bytes: int = 0  # resident, of all processes of the stage together
    attempts: int = 0
    is_done: bool = False
    said: str = ""  # last line of its output


class Record(BaseModel):
    """What was done."""

    stages: dict[str, Cost] = {}


def run(*, size: float, rounds: int, say: Callable[[str], object] = lambda text: None) -> list[Figure]:
    """Run the stages that are not done yet and return the costs of all. Always one round, whatever `rounds`."""
    raw = twin(size).resolve()
    root = home.var() / raw.name.replace("synthetic-twin", "whole")
    root.mkdir(parents=True, exist_ok=True)
    record = _read(root / "record.json")

    def save() -> None:
        write_text(root / "record.json", record.model_dump_json(indent=1))

    for name, words in _stages(root, raw, size).items():
        cost = record.stages.setdefault(name, Cost())
        if not cost.is_done:
            say(f"{name}, attempt {cost.attempts + 1}")
            _attempt(root, words(), cost, save)
        say(f"{name}: {cost.seconds:.1f} s, {_note(name, cost)}")
    return _figures(record, _newest(root), twin_config(size).ratings)


def _stages(root: Path, raw: Path, size: float) -> dict[str, Callable[[], list[str]]]:
    """Return the module of each stage with its arguments, to be called when the stages before it are done."""
    command = "movierec.cli.main"
    return {
        "prepare": lambda: [command, "data", "prepare", DATASET, "--raw", str(raw)],
        "train all": lambda: [command, "train", "all", "--dataset", DATASET],
        "gate and promotion": lambda: [command, "promote", "--version", str(_newest(root))],
        "first answer": lambda: ["benchmarks.whole", "answer", str(root)],
        _BUNDLE: lambda: ["benchmarks.whole", "bundle", str(size)],
    }


def _figures(record: Record, versions: int, ratings: int) -> list[Figure]:
    for_model, bundle = record.stages["train all"].seconds / versions, float(record.stages[_BUNDLE].said)
    peak = max(cost.peak_bytes for cost in record.stages.values()) / _GIB
    return [
        *(Figure(f"whole: {name}, s", cost.seconds, note=_note(name, cost)) for name, cost in record.stages.items()),
        Figure("whole: peak memory in GiB", peak, 16.0, unit="GiB", note=f"{ratings:,} ratings"),
        Figure(
            "whole: a registered model against files to bundle", for_model / bundle, 2.5, ours=for_model, theirs=bundle,
            note=f"{versions} models",
        ),
    ]  # fmt: skip


def _note(name: str, cost: Cost) -> str:
    memory = f"peak memory {cost.peak_bytes / _GIB:.2f} GiB"
    shares = f"; {cost.said}" if name == "train all" else ""  # of fits, evaluation and the like in the last attempt
    return f"processor time {cost.processor_seconds:.1f} s, {memory}, {cost.attempts} attempts{shares}"


def _attempt(root: Path, words: Sequence[str], cost: Cost, save: Callable[[], None]) -> None:
    """Run a stage to its end, and save what it costs while it runs. Raises MovierecError where it fails."""
    before, began, log = cost.model_copy(), time.monotonic(), root / "stage.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    environment["MOVIEREC_HOME"] = str(root.resolve())
    cost.attempts += 1
    with (
        log.open("wb") as output,
        _guarded(module_command(*words), env=environment, stdout=output, stderr=output) as stage,
    ):
        process, saved_at = psutil.Process(stage.pid), 0.0
        while True:
            has_ended = process.status() == psutil.STATUS_ZOMBIE  # whose times can still be read
            cost.seconds = before.seconds + time.monotonic() - began
            cost.processor_seconds = max(cost.processor_seconds, before.processor_seconds + _processor_seconds(process))
            cost.peak_bytes = max(cost.peak_bytes, resident(process))
            if has_ended:
                break
            if time.monotonic() > saved_at + SAVE_SECONDS:
                save()
                saved_at = time.monotonic()
            time.sleep(SAMPLE_SECONDS)
        code = stage.wait()
    lines = log.read_text().splitlines() or ["It said nothing."]
    cost.is_done, cost.said = code == 0, lines[-1]
    save()
    if code:
        raise MovierecError(f"{' '.join(words)} ended with {code}: {lines[-1]} All that it said is in {log}.")


@contextmanager
def _guarded(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command that ends with this process, even when that is killed."""
    running: list[subprocess.Popen[bytes]] = []
    with Guard(1.0, lambda: [process.pid for process in running if process.poll() is None]) as guard:
        running.append(guard.spawn(command, **options))
        yield running[0]


def _processor_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and of all that it started."""
    total = sum(process.cpu_times()[:4])  # of its children too, once they have ended
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:4])
    return float(total)


def _newest(root: Path) -> int:
    """Return the number of the version that was registered last: the composite of `train all`."""
    return Tracker.existing(f"sqlite:///{root}/mlruns/mlflow.db").versions()[0].number


def _read(path: Path) -> Record:
    return Record.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else Record()


def answer(root: Path) -> None:
    """Serve what was promoted until the similar films of the most rated one are answered."""
    with Service(root / "var", workers=1, arguments=()) as service:
        service.wait(lambda: service.status("/readyz") == 200, PATIENCE_SECONDS)
        film = service.json("/analytics/top")["movies"][0]["movie_id"]
        service.wait(lambda: service.status(f"/recommend/?movie_id={film}") == 200)


def main(stage: str, argument: str) -> None:
    """Run a stage that is no command of its own: `answer` of the run below a directory, or `bundle` of a size."""
    if stage == "answer":
        answer(Path(argument))
    else:
        sys.stdout.write(f"{pipeline.files_to_bundle(float(argument)).seconds:.2f}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
