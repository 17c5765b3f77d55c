"""Writes to MLflow that another process may make at the same time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, TEMPORARILY_UNAVAILABLE, ErrorCode

T = TypeVar("T")
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.05
# MLflow's words for a row that is there already, and for two transactions that wait for each other.
_LOST = {ErrorCode.Name(BAD_REQUEST), ErrorCode.Name(TEMPORARILY_UNAVAILABLE)}


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
