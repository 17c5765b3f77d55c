"""Progress reports of long-running work; the caller decides where they go."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, float], None]  # name of the stage, share of it that is done in [0, 1]


def silent(stage: str, share: float) -> None:
    """Ignore a progress report."""


def unheard(sentence: str) -> None:
    """Ignore a message to the caller."""


def prefixed(prefix: str, progress: Progress) -> Progress:
    """Return a reporter that puts `prefix` before the name of every stage that it reports to `progress`."""
    return lambda stage, share: progress(f"{prefix}: {stage}", share)


class Clock:
    """Seconds spent in each stage of a piece of work, added up over its threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._adding = threading.Lock()
        self._thread = threading.local()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to `stage`, without that of the stages measured inside it."""
        began, outer = time.monotonic(), getattr(self._thread, "inner", 0.0)
        self._thread.inner = 0.0
        try:
            yield
        finally:
            taken = time.monotonic() - began
            with self._adding:
                self.seconds[stage] += taken - self._thread.inner
            self._thread.inner = outer + taken

    def __str__(self) -> str:
        """Return the stages, longest first: "fits 20.1 s, evaluation 7.2 s"."""
        stages = sorted(self.seconds.items(), key=lambda item: -item[1])
        return ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages)
