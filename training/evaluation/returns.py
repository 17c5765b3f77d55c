"""How long test users had been away: metrics by the gap between their last training rating and their first test one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.schema import TIMESTAMP
from training.datasets.store import ProcessedDataset
from training.evaluation.metrics import Values
from training.evaluation.result import Evaluation
from training.splits.cut import Split

HOUR, DAY = 3600, 86_400
# Label and least gap of each group, in seconds; the first also holds test ratings that are no later.
GROUPS = (("under 6 hours", 0), ("6 to 24 hours", 6 * HOUR), ("a day to a week", DAY), ("a week or more", 7 * DAY))


@dataclass(frozen=True)
class GapGroup:
    """Test users whose first test rating followed their last training rating after about the same time."""

    label: str
    users: int  # with a value of the metric
    mean: float  # of the metric; NaN without users


def gaps(dataset: ProcessedDataset, split: Split) -> NDArray[np.int64]:
    """Return the seconds (n_users,) from each user's last training rating to their first test rating.

    -1 for users who lack one of the two.
    """
    times = dataset.ratings[TIMESTAMP].to_numpy()
    n_users, bounds = len(dataset.user_ids), np.iinfo(np.int64)
    last, first = np.full(n_users, bounds.min), np.full(n_users, bounds.max)
    np.maximum.at(last, dataset.user_rows[split.train], times[split.train])
    np.minimum.at(first, dataset.user_rows[split.test], times[split.test])
    has_both = (last > bounds.min) & (first < bounds.max)
    return np.where(has_both, np.maximum(np.where(has_both, first, 0) - np.where(has_both, last, 0), 0), -1)


def by_gap(evaluation: Evaluation, dataset: ProcessedDataset, split: Split, metric: str) -> list[GapGroup]:
    """Return the mean of a metric per group of GROUPS. `split`: the one that the evaluation is by.

    Users whom it doesn't both train on and test are left out.
    """
    seconds = gaps(dataset, split)[dataset.user_ids.rows(evaluation.users)]
    values: Values = evaluation.per_user[metric]
    group = np.searchsorted([least for _, least in GROUPS], seconds, side="right") - 1
    result = []
    for number, (label, _) in enumerate(GROUPS):
        of_group = values[(group == number) & ~np.isnan(values)]
        result.append(GapGroup(label, len(of_group), float(of_group.mean()) if len(of_group) else float("nan")))
    return result
