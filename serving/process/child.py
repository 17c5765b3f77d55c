"""A child process that is started again when it ends, after a pause that grows while it keeps ending."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess

STEADY_SECONDS = 60.0  # whoever lived so long did not fail at its start, which may take 20 s on a busy machine
MAX_PAUSE = 5.0
MAX_PAUSE_WHEN_KILLED = 1.0  # its own code did not fail
KILLED = -signal.SIGKILL


class Child:
    """A process of a command or of a fork, and when to start it again."""

    def __init__(
        self,
        name: str,
        start: Callable[[], ForkProcess | subprocess.Popen[bytes]],
        on_end: Callable[[str, int, float], None],
        max_pause: float = MAX_PAUSE,
    ) -> None:
        """`on_end` is called with the name, the exit code and the seconds until the next start; also `max_pause`."""
        self.name = name
        self._start = start
        self._on_end = on_end
        self._max_pause = max_pause
        self._failures = 0
        self._started = self._next_start = 0.0
        self.process: ForkProcess | subprocess.Popen[bytes] | None = None

    def keep(self) -> bool:
        """Start the process if it does not run and its pause is over; return whether it was started."""
        if self.process is not None and (code := self.exit_code()) is not None:
            self._note_end(code)
        if self.process is not None or time.monotonic() < self._next_start:
            return False
        self._started = time.monotonic()
        self.process = self._start()
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the process if it runs."""
        if (pid := self.running()) is not None:
            os.kill(pid, number)

    def wait(self, deadline: float) -> None:
        """Wait until the process has ended; kill it after the monotonic time `deadline`."""
        while self.running() is not None:
            if time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
            time.sleep(0.02)

    def running(self) -> int | None:
        """Return the id of the process if it runs."""
        return self.process.pid if self.process is not None and self.exit_code() is None else None

    def exit_code(self) -> int | None:
        """Return the exit code of a started process that has ended."""
        process = self.process
        return process.poll() if isinstance(process, subprocess.Popen) else process.exitcode if process else None

    def _note_end(self, code: int) -> None:
        steady = time.monotonic() - self._started > STEADY_SECONDS
        self._failures = 0 if steady else self._failures + 1
        longest = MAX_PAUSE_WHEN_KILLED if code == KILLED else self._max_pause
        pause = min(0.1 * 2**self._failures, longest) if self._failures else 0.0
        self._next_start = time.monotonic() + pause
        if isinstance(self.process, subprocess.Popen) and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        self._on_end(self.name, code, pause)
