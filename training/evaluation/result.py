"""What an evaluation gives: one value for each person, so that intervals and paired comparisons can be made later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Metric

_GROUPS = ("per_user", "arrays")  # fields of Evaluation that hold arrays by name


@dataclass(frozen=True)
class Evaluation:
    """One model judged by one protocol on one split, or the mean over several splits or seeds."""

    protocol: str
    dataset: str
    fingerprint: str
    seed: int
    users: NDArray[np.int64]  # (u,) raw ids of the people that the protocol counts, ascending
    per_user: Mapping[
        str, NDArray[np.float64]
    ]  # metric name (ndcg_at_10, recall_at_20, rmse, ...) -> (u,), NaN: no value
    overall: Mapping[str, float]  # figures of the whole set of lists: coverage, gini, counts of people left out, ...
    metrics: list[Metric]  # means with bootstrap intervals, and the overall figures; what MLflow and the bundle keep
    # What pictures need: exposure (n_movies,) times shown in the first list length; popularity (n_movies,) training
    # ratings; calibration (bins, 3) sums of predicted and given stars and ratings by half star of the prediction.
    arrays: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def metric(self, name: str) -> Metric:
        """The metric `name`. Raises KeyError, which names those that exist."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"{self.protocol} has no {name!r}; it has {', '.join(metric.name for metric in self.metrics)}")


def save_evaluation(path: Path, evaluation: Evaluation) -> None:
    """Write an evaluation as .npz: per-user values and other arrays, the rest as JSON text. No pickle."""
    about = {
        "protocol": evaluation.protocol,
        "dataset": evaluation.dataset,
        "fingerprint": evaluation.fingerprint,
        "seed": evaluation.seed,
        "overall": dict(evaluation.overall),
        "metrics": [metric.model_dump() for metric in evaluation.metrics],
    }
    stored: dict[str, Any] = {"about": np.array(json.dumps(about)), "users": evaluation.users}
    for group in _GROUPS:
        stored |= {f"{group}/{name}": values for name, values in getattr(evaluation, group).items()}
    with path.open("wb") as sink:
        np.savez_compressed(sink, **stored)


def load_evaluation(path: Path) -> Evaluation:
    """Read what `save_evaluation` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
        about["metrics"] = [Metric.model_validate(metric) for metric in about["metrics"]]
        groups: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
        for file in stored.files:
            group, _, name = file.partition("/")
            if name:
                groups[group][name] = stored[file]
        return Evaluation(users=stored["users"], per_user=groups["per_user"], arrays=groups["arrays"], **about)
