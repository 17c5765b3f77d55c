"""Evaluations as artifacts of a run: values for each user, so that versions can be compared in pairs later."""

from __future__ import annotations

import tempfile
from pathlib import Path

from training.evaluation.result import Evaluation, load_evaluation, save_evaluation
from training.registry.tracker import Tracker

FOLDER = "evaluations"  # of a run's artifacts


def log_evaluation(tracker: Tracker, run_id: str, evaluation: Evaluation) -> None:
    """Keep the evaluation with a run."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{evaluation.protocol}.npz"
        save_evaluation(file, evaluation)
        tracker.log_file(run_id, file, FOLDER)


def read_evaluation(tracker: Tracker, run_id: str, protocol: str) -> Evaluation:
    """Return the evaluation by `protocol` that was kept with a run."""
    with tempfile.TemporaryDirectory() as scratch:
        return load_evaluation(tracker.artifact(run_id, f"{FOLDER}/{protocol}.npz", Path(scratch)))
