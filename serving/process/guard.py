"""Child processes that end with their parent, even when it is killed.

The parent holds the write end of a pipe and a guard process the read end. The kernel closes the write end when the
parent ends, whatever ended it; the guard reads end-of-file and ends the children's process groups. A parent-death
signal (`PR_SET_PDEATHSIG`) does less: grandchildren do not inherit it, it comes when the starting thread ends, and
only Linux has it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from serving.process import guard_process

_PROGRAM = (sys.executable, "-I", "-S", guard_process.__file__)


class Guard:
    """Context manager that ends its member processes and their groups when the block ends or this process is gone."""

    def __init__(self, seconds: float, members: Callable[[], Iterable[int]]) -> None:
        """`seconds` between SIGTERM and SIGKILL; `members()` polls the members and returns the ids of the running."""
        self._seconds = seconds
        self._members = members

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return when all members are gone."""
        self.keep()
        os.close(self._pipe)
        while self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._members()  # a member that nobody polls stays a zombie, which the guard cannot tell from a running one
            time.sleep(0.02)

    def keep(self) -> bool:
        """Start the guard process again if it was killed; return whether it was."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)  # a stopped guard would not see the end of this process
            return False
        os.close(self._pipe)
        self._start()
        for member in self._members():
            os.write(self._pipe, b"%d\n" % member)
        return True

    def spawn(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a command as a member, in a session of its own and without stdin; `options` are those of Popen."""
        launcher = [*_PROGRAM, "start", str(self._pipe), *command]
        return subprocess.Popen(launcher, stdin=subprocess.DEVNULL, pass_fds=[self._pipe], **options)

    def join(self) -> None:
        """Let the guard end this process when its parent ends; call it in a forked process."""
        guard_process.join(self._pipe)

    def _start(self) -> None:
        read_end, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*_PROGRAM, "watch", str(self._seconds)],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",  # the directory of the start may be unmounted while the guard lives
                start_new_session=True,  # a terminal's signals go to the parent, not to the guard
            )
        finally:
            os.close(read_end)
