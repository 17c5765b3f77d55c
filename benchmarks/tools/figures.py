"""Figures of benchmarks: two sides timed in turn, peak memory, and the machine they ran on.

A figure is the ratio of two things run in turn on this machine, the median of several rounds. Absolute times of a noisy
machine prove little: they are printed only as the two sides of a ratio.
"""

from __future__ import annotations

import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import psutil
from threadpoolctl import threadpool_info

PACKAGES = ("numpy", "scipy", "pandas", "scikit-surprise", "implicit", "numba", "fastapi", "uvicorn", "streamlit")
SAMPLE_SECONDS = 0.02  # interval between two looks at the memory
T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A measured figure: the ratio of our value to the peer's, or a single quantity without a peer."""

    figure: str
    ratio: float
    target: float | None = None  # None: no target
    better: Literal["lower", "higher"] = "lower"
    ours: float | None = None
    theirs: float | None = None
    unit: str = "s"
    rounds: int = 1
    note: str = ""

    @classmethod
    def against(cls, figure: str, ours: float, theirs: float, target: float | None = None, **facts: Any) -> Figure:
        """Return the ratio of our value to the peer's; `facts`: the other fields."""
        return cls(figure, ours / theirs, target, ours=ours, theirs=theirs, **facts)

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target

    def as_dict(self) -> dict[str, Any]:
        """Return the figure for `movierec bench --json`, with verdict and machine."""
        return asdict(self) | {"pass": self.passed, "machine": machine()}


class Timed(NamedTuple):
    """Median seconds of each side: ours and the peer's."""

    ours: float
    theirs: float


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Timed:
    """Time both sides in turn, `rounds` times each, so that a slow spell of the machine falls on both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, work in zip(taken, (ours, theirs), strict=True):
            side.append(seconds(work))
    return Timed(statistics.median(taken[0]), statistics.median(taken[1]))


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_fresh_process(work: Callable[[float], T], size: float) -> T:
    """Return `work(size)` of a new process, which profits from no memory or cache of another."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, size).result()


def watched(work: Callable[[], T]) -> tuple[T, float, int]:
    """Return the result of a call, its seconds, and by how many bytes this process and its children grew at most."""
    process = psutil.Process()
    before = resident(process)
    peak, done = before, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(SAMPLE_SECONDS):
            peak = max(peak, resident(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    try:
        result = work()
    finally:
        taken = time.perf_counter() - start
        done.set()
        watcher.join()
    return result, taken, max(peak, resident(process)) - before


def resident(process: psutil.Process) -> int:
    """Return the resident bytes of a process and all that it started."""
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        try:
            total += int(child.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return total


def machine() -> dict[str, Any]:
    """Return processor, memory, Python and library versions of this machine."""
    blas = (library for library in threadpool_info() if library["user_api"] == "blas")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "blas": ", ".join(
            sorted({f"{library['internal_api']} {library.get('architecture') or ''}".strip() for library in blas})
        ),
        "versions": {name: version(name) for name in PACKAGES},
    }


def machine_line(packages: Sequence[str] = PACKAGES) -> str:
    """Return a one-line description of this machine, with the versions of these packages."""
    facts = machine()
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in packages)
    hardware = [facts["cpu"], f"{facts['cores']} cores", f"{facts['memory_gib']} GiB", facts["blas"]]
    return f"{', '.join(filter(None, hardware))}, Python {facts['python']}; {versions}"


def _cpu_name() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(text.split(":", 1)[1].strip() for text in lines if text.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
