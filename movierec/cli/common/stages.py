"""Stages of a long command: each is printed with its time when it ends, and the web page can show them meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from recommender.files import write_text
from training.progress import Progress


class Stages:
    """The stages of one command; `file` holds what has ended and what is going on, for the web page."""

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
