"""The result of an evaluation: one value per user, so that intervals and paired comparisons can be computed later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Metric
from recommender.errors import DataError, UsageError

_GROUPS = ("per_user", "arrays")  # fields of Evaluation that hold arrays by name


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one model by one protocol on one split, or their mean over several splits or seeds."""

    protocol: str
    dataset: str
    fingerprint: str
    seed: int
    users: NDArray[Any]  # (u,) raw ids of the test users, int64 or str, ascending
    # Metric name (ndcg_at_10, recall_at_20, rmse, ...) -> (u,) one value per user, NaN where a user has none.
    per_user: Mapping[str, NDArray[np.float64]]
    overall: Mapping[str, float]  # values of the whole set of lists: coverage, gini, number of users left out, ...
    metrics: Sequence[Metric]  # means with bootstrap intervals, and the overall values; stored in MLflow and the bundle
    # For figures: exposure (n_movies,) occurrences in lists of the first length; popularity (n_movies,) training
    # ratings; calibration (b, 3) sums of predicted and observed ratings and their number by bin of the prediction.
    arrays: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    target: str = ""  # what is relevant, and what models were to predict; empty for evaluations of earlier releases

    def metric(self, name: str) -> Metric:
        """Return the metric `name`. Raises UsageError, which names the existing ones, or DataError without any user."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        if self.overall.get("users") == 0:
            raise DataError(f"{self.protocol} cannot judge {self.dataset}: no test user has a relevant item, a like.")
        raise UsageError(f"{self.protocol} has no {name!r}; it has {', '.join(metric.name for metric in self.metrics)}")


def save_evaluation(path: Path, evaluation: Evaluation, *, compressed: bool = True) -> None:
    """Write an evaluation to an .npz file: arrays, and everything else as JSON text; nothing is pickled."""
    about = {
        "protocol": evaluation.protocol,
        "dataset": evaluation.dataset,
        "fingerprint": evaluation.fingerprint,
        "seed": evaluation.seed,
        "target": evaluation.target,
        "overall": dict(evaluation.overall),
        "metrics": [metric.model_dump() for metric in evaluation.metrics],
    }
    stored: dict[str, Any] = {"about": np.array(json.dumps(about)), "users": evaluation.users}
    for group in _GROUPS:
        stored |= {f"{group}/{name}": values for name, values in getattr(evaluation, group).items()}
    with path.open("wb") as file:
        (np.savez_compressed if compressed else np.savez)(file, **stored)


def load_evaluation(path: Path) -> Evaluation:
    """Read an evaluation from a file that `save_evaluation` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        about["metrics"] = [Metric.model_validate(metric) for metric in about["metrics"]]
        groups: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
        for key in stored.files:
            group, _, name = key.partition("/")
            if name:
                groups[group][name] = stored[key]
        return Evaluation(users=stored["users"], per_user=groups["per_user"], arrays=groups["arrays"], **about)
