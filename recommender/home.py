"""Where data, runs and the service's models are: below MOVIEREC_HOME or, where it is not set, the working directory.

Everything here is read when it is asked for, so that a process may change either before its first command.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the directory that all others of this module are in: MOVIEREC_HOME, else the working directory."""
    return Path(os.environ.get("MOVIEREC_HOME", "")).expanduser()


def raw_data() -> Path:
    """Return the directory of raw data sets, one directory each."""
    return home() / "data" / "raw"


def sources() -> Path:
    """Return the directory of the descriptions NAME.yaml of user-defined data sets."""
    return home() / "data" / "sources"


def processed_data() -> Path:
    """Return the directory of processed data sets, one directory each."""
    return home() / "data" / "processed"


def runs() -> Path:
    """Return the directory of the MLflow store and its artifacts."""
    return home() / "mlruns"


def runs_address() -> str:
    """Return the address of the MLflow store in `runs()`; it stays right when the working directory changes."""
    return f"sqlite:///{runs().resolve()}/mlflow.db"


def var() -> Path:
    """Return the directory of everything that can be made again: served models, stages of trainings, logs."""
    return home() / "var"


def served_models() -> Path:
    """Return the directory of the service's local model store."""
    return var() / "models"


def training_stages() -> Path:
    """Return the directory of the cached stages of unfinished trainings."""
    return var() / "training"


def logs() -> Path:
    """Return the directory of the servers' logs."""
    return var() / "logs"


def training_status() -> Path:
    """Return the file in which `movierec demo` records its progress."""
    return var() / "status.json"


def demo_lock() -> Path:
    """Return the file that a running `movierec demo` locks, so that there is one for each home."""
    return var() / "demo.lock"
