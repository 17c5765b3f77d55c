"""What an evaluation gives: one value for each person, so that intervals and paired comparisons can be made later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Metric


@dataclass(frozen=True)
class Evaluation:
    """One model judged by one protocol on one split."""

    protocol: str
    dataset: str
    fingerprint: str
    seed: int
    users: NDArray[np.int64]  # (u,) raw ids of the people that the protocol counts
    per_user: Mapping[
        str, NDArray[np.float64]
    ]  # metric name (ndcg_at_10, recall_at_20, rmse, ...) -> (u,), NaN: no value
    overall: Mapping[str, float]  # figures of the whole set of lists: coverage, gini, counts of people left out, ...
    metrics: list[Metric]  # means with bootstrap intervals, and the overall figures; what MLflow and the bundle keep
