"""The rules by which protocols divide ratings: each takes a table of ratings and returns masks over it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from recommender.feedback import Feedback
from training.kernels.ordering import positions
from training.splits import protocol

_ROUNDING = 1e-9  # 0.2 * 35 is 7.000000000000001; a share of a count is rounded up only beyond this
Users = NDArray[np.int32]
Times = NDArray[np.int64]
Mask = NDArray[np.bool_]  # (n,) over the ratings of a table
Masks = dict[str, Mask]  # by field of `training.splits.cut.Split`


@dataclass(frozen=True)
class Table:
    """Ratings as columns of length n."""

    users: NDArray[np.int32]
    movies: NDArray[np.int32]
    ratings: NDArray[np.float32]
    times: NDArray[np.int64]
    drawable: Mask | None = None  # (n_movies,) items that may be held out; None: all


def cut(rule: protocol.CutSplit, table: Table, likes: Mask, seed: int, *, random_likes: bool = False) -> list[Masks]:
    """Return the masks of each fold of `rule`."""
    rng = np.random.default_rng(seed)
    match rule:
        case protocol.LatestSplit() | protocol.RandomSplit():
            ordered = table if rule.needs_times else _shuffled(table, rng)
            test = _latest_of_each_user(ordered, np.ones_like(likes), rule.share, rule.min_ratings)
            return [{"train": ~test, "test": test}]
        case protocol.LatestLikesSplit() | protocol.RandomLikesSplit():
            ordered = _shuffled(table, rng) if random_likes or not rule.needs_times else table
            test = _latest_of_each_user(ordered, likes, rule.share, rule.min_likes)
            queries = _draw_queries(rule.queries, table, likes & ~test, test, rng)
            return [{"train": ~test, "test": test, "queries": queries}]
        case protocol.TemporalSplit() | protocol.RollingSplit():
            return cut_in_time(rule, table.users, table.times)
        case protocol.FoldsSplit():
            fold_of = rng.permutation(len(table.users)) % rule.folds
            return [{"train": fold_of != fold, "test": fold_of == fold} for fold in range(rule.folds)]
        case protocol.PerItemSplit():
            return [_per_item(rule, table, seed)]
        case protocol.HeldOutUsersSplit():
            return [_held_out_users(rule, table, likes, rng)]
        case protocol.HeldOutFilmsSplit():
            return [_held_out_items(rule, table, likes, rng)]
        case _:
            assert_never(rule)


def only_new_pairs(masks: Masks, table: Table, feedback: Feedback) -> Masks:
    """Return the masks without events that show the model a user together with a tested item; ratings never repeat.

    Where likes are held out whenever they happened (there are query items), training loses the pair's other events, or
    whoever views before buying would have no test. Where time divides, the test loses the pair: what is missing from
    training would tell of later events.
    """
    if feedback.has_ratings:
        return masks
    pairs = table.users.astype(np.int64) * _size(table.movies) + table.movies
    if "queries" in masks:
        is_held_out = np.isin(pairs, pairs[masks["test"]])
        return masks | {name: masks[name] & ~is_held_out for name in ("train", "queries")}
    seen = masks["train"] | masks.get("fold_in", masks["train"])
    test = np.flatnonzero(masks["test"])
    return masks | {"test": mask_of(test[~np.isin(pairs[test], pairs[seen])], len(pairs))}


def _shuffled(table: Table, rng: np.random.Generator) -> Table:
    """Return the ratings with random times: the latest are then random ones."""
    return replace(table, times=rng.permutation(len(table.times)))


def _per_item(rule: protocol.PerItemSplit, table: Table, seed: int) -> Masks:
    # The published protocol's own generator, so that the same rows come out.
    numbers = np.random.RandomState(seed).uniform(size=len(table.users))
    counts = np.bincount(table.movies)
    train = positions(table.movies, numbers) < np.rint(rule.share * counts)[table.movies]
    is_trained = np.bincount(table.users[train], minlength=_size(table.users)) > 0
    return {"train": train, "test": ~train & is_trained[table.users]}


def _held_out_users(rule: protocol.HeldOutUsersSplit, table: Table, likes: Mask, rng: np.random.Generator) -> Masks:
    like_counts = np.bincount(table.users[likes], minlength=_size(table.users))
    eligible = like_counts >= rule.min_likes
    held_out = mask_of(
        rng.choice(np.flatnonzero(eligible), round(rule.share * eligible.sum()), replace=False), len(like_counts)
    )[table.users]
    test = _random_share(1 - rule.fold_in, table, likes & held_out, rng)
    used = likes
    if rule.ratings == "all":  # drawn after the likes, which are then the same with either choice
        used = np.ones_like(likes)
        test |= _random_share(1 - rule.fold_in, table, ~likes & held_out, rng)
    fold_in = used & held_out & ~test
    return {"train": used & ~held_out & eligible[table.users], "test": test, "masked": fold_in, "fold_in": fold_in}


def _random_share(share: float, table: Table, candidates: Mask, rng: np.random.Generator) -> Mask:
    """Return a random `share` (rounded down) of each user's candidate ratings."""
    rows = np.flatnonzero(candidates)
    users = table.users[rows]
    counts = np.floor(share * np.bincount(users, minlength=_size(table.users)) + _ROUNDING)[users]
    return mask_of(rows[positions(users, rng.random(len(rows))) < counts], len(candidates))


def _held_out_items(rule: protocol.HeldOutFilmsSplit, table: Table, likes: Mask, rng: np.random.Generator) -> Masks:
    rated = np.unique(table.movies)
    rated = rated if table.drawable is None else rated[table.drawable[rated]]
    cold = np.isin(table.movies, rng.choice(rated, round(rule.share * len(rated)), replace=False))
    queries = _draw_queries(rule.queries, table, likes & ~cold, likes & cold, rng)
    has_query = np.bincount(table.users[queries], minlength=_size(table.users)) > 0
    return {"train": ~cold, "test": cold & has_query[table.users], "queries": queries}


def _draw_queries(limit: int, table: Table, candidates: Mask, relevant: Mask, rng: np.random.Generator) -> Mask:
    """Return at most `limit` random candidate ratings of each user who has a relevant rating."""
    has_relevant = np.bincount(table.users[relevant], minlength=_size(table.users)) > 0
    rows = np.flatnonzero(candidates & has_relevant[table.users])
    return mask_of(rows[positions(table.users[rows], rng.random(len(rows))) < limit], len(candidates))


def _latest_of_each_user(table: Table, eligible: Mask, share: float, minimum: int) -> Mask:
    """Return the latest `share` (rounded up) of each user's eligible ratings, for users with at least `minimum`."""
    rows = np.flatnonzero(eligible)
    users = table.users[rows]
    counts = np.bincount(users, minlength=_size(table.users))
    held_out_counts = np.where(counts >= minimum, np.ceil(share * counts - _ROUNDING), 0)
    from_end = counts[users] - 1 - positions(users, table.times[rows])
    return mask_of(rows[from_end < held_out_counts[users]], len(eligible))


def _size(rows: NDArray[np.int32]) -> int:
    return int(rows.max(initial=-1)) + 1


def mask_of(rows: NDArray[np.int64], n: int) -> Mask:
    """Return a mask (n,) that is True at `rows`."""
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask


def cut_in_time(rule: protocol.TemporalSplit | protocol.RollingSplit, users: Users, times: Times) -> list[Masks]:
    """Return the masks `train` and `test` of each cut in time over ratings by `users` at `times`, both (n,).

    Users with too few training ratings are in no test part. Cuts that test nobody are left out, unless none does.
    """
    ordered = np.sort(times)
    if isinstance(rule, protocol.TemporalSplit):
        train = times < ordered[int(rule.share * len(times))]
        return [{"train": train, "test": ~train & _has_enough(users, train, rule.min_train_ratings)[users]}]
    cuts = [int(ordered[int(share * len(times))]) for share in rule.cuts]
    ends = [*cuts[1:], int(ordered[-1]) + 1]
    folds = [_returns(rule, users, times, start, end) for start, end in zip(cuts, ends, strict=True)]
    return [masks for masks in folds if masks["test"].any()] or folds[:1]


def _returns(rule: protocol.RollingSplit, users: Users, times: Times, start: int, end: int) -> Masks:
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
    return np.asarray(np.bincount(users[train], minlength=_size(users)) >= least)
