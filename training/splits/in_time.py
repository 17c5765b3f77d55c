"""Training and test parts on both sides of points in time that are the same for all users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.splits.protocol import RollingSplit, TemporalSplit

Users = NDArray[np.int32]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]  # (n,) over the ratings of a table
Masks = dict[str, Mask]  # by field of `training.splits.cut.Split`


def cut_in_time(rule: TemporalSplit | RollingSplit, users: Users, times: Times) -> list[Masks]:
    """Return the masks `train` and `test` of each cut in time over ratings by `users` at `times`, both (n,).

    Users with too few training ratings are in no test part. Cuts that test nobody are left out, unless none does.
    """
    ordered = np.sort(times)
    if isinstance(rule, TemporalSplit):
        return [_temporal(rule, users, times, ordered[int(rule.share * len(times))])]
    cuts = [int(ordered[int(share * len(times))]) for share in rule.cuts]
    ends = [*cuts[1:], int(ordered[-1]) + 1]
    folds = [_returns(rule, users, times, start, end) for start, end in zip(cuts, ends, strict=True)]
    return [masks for masks in folds if masks["test"].any()] or folds[:1]


def _temporal(rule: TemporalSplit, users: Users, times: Times, cut: np.int64) -> Masks:
    train = times < cut
    return {"train": train, "test": ~train & _has_enough(users, train, rule.min_train_ratings)[users]}


def _returns(rule: RollingSplit, users: Users, times: Times, start: int, end: int) -> Masks:
    """Return the ratings before `start`, and those from then to `end` of users who were away for `min_gap`."""
    train = times < start
    window = ~train & (times < end)
    has_enough = _has_enough(users, train, rule.min_train_ratings)
    last, following = np.zeros(len(has_enough), dtype=np.int64), np.full(len(has_enough), end, dtype=np.int64)
    last[users[train]] = np.iinfo(np.int64).min  # of those who have one; times before 1970 are negative
    np.maximum.at(last, users[train], times[train])
    np.minimum.at(following, users[window], times[window])
    is_tested = has_enough & (following - last >= rule.min_gap)
    return {"train": train, "test": window & is_tested[users]}


def _has_enough(users: Users, train: Mask, least: int) -> Mask:
    """Return which users (n_users,) have at least `least` training ratings."""
    counts: NDArray[np.int64] = np.bincount(users[train], minlength=int(users.max(initial=-1)) + 1)
    return counts >= least
