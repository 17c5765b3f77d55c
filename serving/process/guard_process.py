"""The guard process: ends process groups when the process that started them is gone, however it ended.

`watch SECONDS` reads group ids from stdin and, at end-of-file, ends the groups; `start PIPE COMMAND...` announces
itself in the pipe and becomes the command. Run by path with `python -I -S`, so this file imports the standard library
alone: nothing of the working directory is imported, and a guard starts in 10 ms and holds 9 MB.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 1.0  # a group that has ended is forgotten after at most this time
POLL_SECONDS = 0.05
KILLED_SECONDS = 5.0  # a killed process is gone by then, unless the kernel holds it


def join(pipe: int) -> None:
    """Put this process into a session of its own, which the guard behind `pipe` ends; closes `pipe`.

    The process announces itself: announced by its parent, it would outlive a parent that is killed in between.
    """
    os.setsid()
    with suppress(BrokenPipeError):  # the guard was killed; the parent starts another and announces this process
        os.write(pipe, b"%d\n" % os.getpid())
    os.close(pipe)


def watch(seconds: float) -> None:
    """Read group ids from stdin; at end-of-file end the groups, with SIGKILL after `seconds`."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, str] = {}
    incomplete = b""
    while True:
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            chunk = os.read(sys.stdin.fileno(), 4096)
            if not chunk:
                break
            *group_ids, incomplete = (incomplete + chunk).split(b"\n")
            groups |= {int(group): start_time(int(group)) for group in group_ids}
        groups = {group: started for group, started in groups.items() if _exists(group)}
    end_groups(groups, seconds)


def end_groups(groups: Mapping[int, str], seconds: float) -> None:
    """Send SIGTERM to each group, and SIGKILL after `seconds` to those that are left; return when all are gone.

    `groups` maps the group id to the start time of its leader; a number that has passed to another process is left.
    """
    groups = {group: started for group, started in groups.items() if start_time(group) in ("", started)}
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILLED_SECONDS)):
        for group in groups:
            _signal(group, number)
            _signal(group, signal.SIGCONT)  # a stopped process handles SIGTERM only when it goes on
        deadline = time.monotonic() + patience
        while groups and time.monotonic() < deadline:
            groups = {group: started for group, started in groups.items() if _exists(group)}
            time.sleep(POLL_SECONDS)


def start_time(pid: int) -> str:
    """Return when the process started, in the system's own form; "" if there is no such process."""
    try:
        # The program's name in parentheses may hold blanks; the start time is field 22, the 20th after it.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_time_from_ps(pid)


def _start_time_from_ps(pid: int) -> str:
    with os.popen(f"ps -o lstart= -p {pid}") as answer:  # macOS has no /proc
        return answer.read().strip()


def _exists(group: int) -> bool:
    return _signal(group, 0)


def _signal(group: int, number: int) -> bool:
    """Send the signal; return whether the group exists and is ours."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _start(pipe: int, command: list[str]) -> None:
    join(pipe)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a program inherits that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        watch(float(sys.argv[2]))
    else:
        _start(int(sys.argv[2]), sys.argv[3:])
