"""Processes that share a store: which of them a run belongs to, and writes that two make at the same time."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

import psutil
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, TEMPORARILY_UNAVAILABLE, ErrorCode

PROCESS_TAG = "movierec.process"
_TOLERANCE = 2.0  # seconds; systems tell the time of their start in whole ones
T = TypeVar("T")
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.05
# MLflow's words for a row that is there already, and for two transactions that wait for each other.
_LOST = {ErrorCode.Name(BAD_REQUEST), ErrorCode.Name(TEMPORARILY_UNAVAILABLE)}


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


def retry_lost_race(write: Callable[[], T]) -> T:
    """Write, and again where another process wrote the same row meanwhile.

    MLflow looks for a row before it inserts one. When another process inserts it in between, the next attempt finds it.
    """
    for attempt in range(1, _ATTEMPTS):
        try:
            return write()
        except MlflowException as error:
            if error.error_code not in _LOST:
                raise
        time.sleep(random.uniform(0, attempt * _PAUSE_SECONDS))
    return write()
