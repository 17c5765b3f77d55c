"""Progress of long commands: a bar with the remaining time on a terminal, plain lines elsewhere; and their stages."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from recommender.files import write_text
from training.progress import Progress

_WORTH_SECONDS = 2.0  # shorter stages are not reported
_QUIET_SECONDS = 30.0  # time between two lines about the same stage


@contextmanager
def reporter() -> Iterator[Progress]:
    """Give a function that reports progress on stderr, as a bar or as lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainReporter().report
        return
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        yield _BarReporter(bars).report


class PlainReporter:
    """Reports one line when a long stage ends, and one every half minute in between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[str, float] = {}
        self._reported = self._last = clock()

    def report(self, what: str, share: float) -> None:
        """Print the progress of the stage `what`, if it took long enough."""
        now = self._clock()
        began = self._began.setdefault(what, self._last if share >= 1 else now)
        self._last = now
        if share >= 1:
            del self._began[what]
            if now - began >= _WORTH_SECONDS:
                self._line(f"{what}: done in {now - began:.1f} s")
        elif now - self._reported >= _QUIET_SECONDS:
            remaining = (now - began) * (1 - share) / share if share else None
            self._line(f"{what}: {share:.0%}" + (f", about {remaining:.0f} s left" if remaining else ""))

    def _line(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self._reported = self._clock()


class _BarReporter:
    """Shows one bar for each running stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def report(self, what: str, share: float) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=1.0)
        self._bars.update(self._tasks[what], completed=min(share, 1.0), visible=share < 1)


class Stages:
    """The stages of one command, each printed with its time when it ends.

    `file` holds what has ended and what is going on, for the web page.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._began = self._ended = time.monotonic()
        self._lines: list[str] = []

    @property
    def seconds(self) -> float:
        """Return the seconds since the first stage began."""
        return time.monotonic() - self._began

    def end(self, stage: str, result: str = "") -> None:
        """Print a stage that ends now, with the seconds since the one before it ended, and its result."""
        now = time.monotonic()
        line = f"{stage} ({now - self._ended:.1f} s)" + (f": {result}" if result else "")
        self._ended = now
        typer.echo(line)
        self._lines.append(line)
        self._write("")

    def registered(self, progress: Progress) -> Progress:
        """Return a reporter that also tells the page how many of the models are registered, and calls `progress`."""

        def report(stage: str, share: float) -> None:
            if stage == "registering":
                self._write(f"{share:.0%} of the models are trained, evaluated and registered")
            progress(stage, share)

        return report

    def finish(self) -> None:
        """Tell the page that nothing is being trained any more."""
        self._write("", running=False)

    def _write(self, now: str, *, running: bool = True) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.file, json.dumps({"running": running, "ended": self._lines, "now": now}))
