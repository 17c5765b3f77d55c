"""Which process a run belongs to, so that the runs of dead ones can be told."""

from __future__ import annotations

import socket

import psutil

PROCESS_TAG = "movierec.process"


def this_process() -> str:
    """Host, id and time of creation of this process."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def is_dead(process: str) -> bool:
    """True where `process` (as `this_process` writes it) ran on this machine and is gone."""
    host, _, rest = process.partition(" ")
    if host != socket.gethostname() or not rest:
        return False
    pid, created = rest.split()
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
