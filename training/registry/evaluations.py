"""Evaluations as artifacts of a run: values per user, so that versions can be compared on the same users later."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from training.evaluation.result import Evaluation, load_evaluation, save_evaluation
from training.registry.tracker import Tracker

FOLDER = "evaluations"  # in a run's artifacts


def save_evaluations(evaluations: Iterable[Evaluation], directory: Path) -> None:
    """Write evaluations to a new directory as the artifacts of a run hold them."""
    directory.mkdir()
    for evaluation in evaluations:
        save_evaluation(directory / f"{evaluation.protocol}.npz", evaluation)


def read_evaluation(tracker: Tracker, run_id: str, protocol: str) -> Evaluation:
    """Read the evaluation by `protocol` from the artifacts of a run. Raises MissingInputError where there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        return load_evaluation(tracker.artifact(run_id, f"{FOLDER}/{protocol}.npz", Path(scratch)))
