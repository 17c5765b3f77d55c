"""Which process a run belongs to, so that the runs of dead processes can be closed."""

from __future__ import annotations

import socket

import psutil

PROCESS_TAG = "movierec.process"


def this_process() -> str:
    """Return host, process id and creation time of this process, as one string."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def is_dead(process: str) -> bool:
    """Return whether `process`, a string from `this_process`, ran on this machine and has ended."""
    host, _, id_and_time = process.partition(" ")
    if host != socket.gethostname() or not id_and_time:
        return False
    pid, created = id_and_time.split()
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
