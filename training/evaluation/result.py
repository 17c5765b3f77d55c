"""What an evaluation gives: one value for each person, so that intervals and paired comparisons can be made later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Metric


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
