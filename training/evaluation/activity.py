"""Fairness by activity: the accuracy of lists for the users who have rated the least."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.evaluation.metrics import Values

NAME = "least_active"
SHARE = 0.25
_METRICS = ("ndcg", "recall")


def least_active(ratings: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which users (u,) are the quarter with the fewest ratings; `ratings`: (u,) number that the model saw.

    All users with as many as the last of the quarter belong to it.
    """
    if not len(ratings):
        return np.zeros(0, dtype=bool)
    return np.asarray(ratings <= np.quantile(ratings, SHARE, method="inverted_cdf"))


def of_least_active(per_list: Mapping[str, Values], is_least_active: NDArray[np.bool_]) -> dict[str, Values]:
    """Return nDCG and recall as `least_active_<metric>_at_<k>`: the same values, NaN for all other users.

    `per_list`: metric -> one value per user (u,).
    """
    return {
        f"{NAME}_{name}": np.where(is_least_active, values, np.nan)
        for name, values in per_list.items()
        if name.partition("_at_")[0] in _METRICS
    }
