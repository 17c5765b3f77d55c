"""Which process a run belongs to, so that the runs of dead processes can be closed."""

from __future__ import annotations

import socket

import psutil

PROCESS_TAG = "movierec.process"
_TOLERANCE = 2.0  # seconds; systems tell the time of their start in whole ones


def this_process() -> str:
    """Return host, process id and start times of this process, as one string."""
    process = psutil.Process()
    return " ".join([socket.gethostname(), str(process.pid), *(f"{start:.2f}" for start in _start_times(process))])


def is_dead(process: str) -> bool:
    """Return whether `process`, a string from `this_process`, ran on this machine and has ended."""
    host, _, id_and_times = process.partition(" ")
    if host != socket.gethostname() or not id_and_times:
        return False
    pid, *starts = id_and_times.split()
    try:
        # A clock that was set moves the first time and a start of the system the second: one that fits is enough.
        pairs = zip(map(float, starts), _start_times(psutil.Process(int(pid))), strict=False)
        return not any(abs(noted - start) <= _TOLERANCE for noted, start in pairs)
    except psutil.NoSuchProcess:
        return True


def _start_times(process: psutil.Process) -> tuple[float, float]:
    """Return when a process started, in seconds since 1970 and since the start of the system."""
    since_1970 = process.create_time()
    return since_1970, since_1970 - psutil.boot_time()
