"""Training and test parts of each protocol, as masks over a data set's ratings in file order.

Every rule sees one table of ratings and returns masks over it, so that a validation part is cut from a training part as
the test part was cut from the whole. Only the latest likes can be held out just once: further validation splits of such
a protocol hold out random likes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.feedback import Feedback
from recommender.schema import DUPLICATE_OF, RATING, TIMESTAMP
from training.datasets.indexing import rows_of
from training.datasets.store import ProcessedDataset
from training.datasets.tag_matrix import has_block, without_blocks
from training.models.base import TrainingData
from training.splits.files import file_masks, validation_file_masks
from training.splits.in_time import cut_in_time
from training.splits.protocol import (
    CutSplit,
    FilesSplit,
    FoldsSplit,
    HeldOutFilmsSplit,
    HeldOutUsersSplit,
    LatestLikesSplit,
    LatestSplit,
    PerItemSplit,
    ProtocolConfig,
    RandomLikesSplit,
    RandomSplit,
    RollingSplit,
    TemporalSplit,
)

Mask = NDArray[np.bool_]
Masks = dict[str, Mask]  # by field of Split
NO_TIMES = "it orders ratings by time, and these have no times or all the same"
_SEED_STEP = 1000  # from one validation split to the next: far from the seeds of other splits
_ROUNDING = 1e-9  # 0.2 * 35 is 7.000000000000001; a share of a count is rounded up only beyond this


@dataclass(frozen=True)
class Split:
    """One division of a data set into masks (n,) over its n ratings, in file order; a rating may be in no part."""

    protocol: str
    seed: int
    fold: int
    train: Mask  # what models are fitted on
    test: Mask  # what they are evaluated on; the same user's training part has none of these items
    masked: Mask  # items that a user's list leaves out
    queries: Mask | None = None  # item2item and cold: training likes that are query items
    fold_in: Mask | None = None  # strong: all that a model sees of the held-out users
    hidden_blocks: tuple[str, ...] = ()  # cold: features that training doesn't know of items without training ratings


@dataclass(frozen=True)
class _Table:
    """Ratings as columns of length n."""

    users: NDArray[np.int32]
    movies: NDArray[np.int32]
    ratings: NDArray[np.float32]
    times: NDArray[np.int64]
    drawable: Mask | None = None  # (n_movies,) items that may be held out; None: all


def splits(protocol: ProtocolConfig, dataset: ProcessedDataset, seed: int) -> list[Split]:
    """Return the protocol's train/test splits of a data set: one, or one per fold. The same seed gives the same splits.

    Raises DataError where a part is empty or the ratings lack the times that the protocol orders them by,
    MissingInputError where a file of the split is not there.
    """
    if protocol.split.needs_times and not dataset.has_times:
        raise DataError(f"Protocol {protocol.name} cannot judge these data: {NO_TIMES}.")
    if isinstance(protocol.split, FilesSplit):
        folds = [file_masks(protocol.split, dataset)]
    else:
        table = _table(dataset, protocol.split)
        likes = is_relevant(protocol, table.ratings, dataset.feedback)
        if not likes.any():
            least = protocol.on(dataset.feedback).relevance
            raise DataError(f"Protocol {protocol.name} judges by likes, ratings of at least {least:g}; there are none.")
        folds = _cut(protocol.split, table, likes, seed)
        folds = [_only_new_pairs(masks, table, dataset.feedback) for masks in folds]
    return [_checked_split(masks, protocol, seed, fold) for fold, masks in enumerate(folds)]


def validation_splits(protocol: ProtocolConfig, dataset: ProcessedDataset, split: Split, seed: int) -> list[Split]:
    """Return splits for tuning that never contain test ratings: `split.train` is divided again by the protocol's rule.

    Protocols made of files use their validation file. Raises MissingInputError where they have none.
    """
    if isinstance(protocol.split, FilesSplit):
        return [_checked_split(validation_file_masks(protocol.split, dataset), protocol, seed, split.fold)]
    rule = protocol.split
    if isinstance(rule, PerItemSplit):
        rule = rule.model_copy(update={"share": rule.validation_share})
    cuts = range(protocol.validation_cuts)
    return [
        _validation_split(protocol, rule, dataset, split, seed + _SEED_STEP * cut, random_likes=cut > 0) for cut in cuts
    ]


def _validation_split(
    protocol: ProtocolConfig, rule: CutSplit, dataset: ProcessedDataset, split: Split, seed: int, *, random_likes: bool
) -> Split:
    """Divide `split.train` by `rule`; with `random_likes` by random likes where the rule takes the latest ones."""
    train_rows = np.flatnonzero(split.train)
    table = _table(dataset, rule)
    inner = replace(
        table,
        users=table.users[train_rows],
        movies=table.movies[train_rows],
        ratings=table.ratings[train_rows],
        times=table.times[train_rows],
    )
    likes = is_relevant(protocol, inner.ratings, dataset.feedback)
    inner_masks = _cut(rule, inner, likes, seed, random_likes=random_likes)[0]
    inner_masks = _only_new_pairs(inner_masks, inner, dataset.feedback)
    masks = {name: _mask_of(train_rows[mask], len(split.train)) for name, mask in inner_masks.items()}
    return _checked_split(masks, protocol, seed, split.fold)


def train_on_fold_in(split: Split) -> Split:
    """Return the split with its fold-in ratings moved into the training part, to compare folding in with training.

    Raises DataError where the split has no fold-in ratings.
    """
    if split.fold_in is None:
        raise DataError(f"Protocol {split.protocol} folds nobody in.")
    return replace(split, train=split.train | split.fold_in, fold_in=None)


def fold_in_likes(split: Split, protocol: ProtocolConfig, dataset: ProcessedDataset) -> Split:
    """Return the split with only the likes of its fold-in ratings, to see what a model makes of dislikes.

    Lists still leave out all of them. Raises DataError where the split has no fold-in ratings.
    """
    if split.fold_in is None:
        raise DataError(f"Protocol {split.protocol} folds nobody in.")
    likes = is_relevant(protocol, dataset.ratings[RATING].to_numpy(), dataset.feedback)
    return replace(split, fold_in=split.fold_in & likes)


def all_ratings(dataset: ProcessedDataset) -> Split:
    """Return a split with every rating in the training part and none held out: what a version is refitted on."""
    everything = np.ones(len(dataset.ratings), dtype=bool)
    return Split("all", 0, 0, train=everything, test=~everything, masked=everything)


def training_data(dataset: ProcessedDataset, split: Split) -> TrainingData:
    """Return the training ratings of a split as a matrix of the whole data set's shape, with tags and duplicates.

    Items without training ratings lack the features that the split hides.
    """
    canonical = rows_of(dataset.movies[DUPLICATE_OF], dataset.movie_ids)
    data = TrainingData(dataset.user_item(split.train), dataset.tags, canonical, dataset.feedback)
    if not split.hidden_blocks:
        return data
    tags = without_blocks(dataset.tags, data.counts == 0, split.hidden_blocks)
    return replace(data, tags=tags, has_own_tags=True)


def is_relevant(protocol: ProtocolConfig, ratings: NDArray[np.float32], feedback: Feedback) -> Mask:
    """Return which ratings (n,) make their item relevant: those of at least the protocol's relevance, or all."""
    relevance = protocol.on(feedback).relevance
    return np.ones(len(ratings), dtype=bool) if relevance is None else ratings >= np.float32(relevance)


def _cut(rule: CutSplit, table: _Table, likes: Mask, seed: int, *, random_likes: bool = False) -> list[Masks]:
    """Return the masks of each fold of `rule`."""
    rng = np.random.default_rng(seed)
    match rule:
        case LatestSplit() | RandomSplit():
            return [_latest(rule, table if rule.needs_times else _shuffled(table, rng))]
        case LatestLikesSplit() | RandomLikesSplit():
            return [_latest_likes(rule, table, likes, rng, random_likes=random_likes)]
        case TemporalSplit() | RollingSplit():
            return cut_in_time(rule, table.users, table.times)
        case FoldsSplit():
            return _folds(rule, table, rng)
        case PerItemSplit():
            return [_per_item(rule, table, seed)]
        case HeldOutUsersSplit():
            return [_held_out_users(rule, table, likes, rng)]
        case HeldOutFilmsSplit():
            return [_held_out_items(rule, table, likes, rng)]
        case _:
            assert_never(rule)


def _only_new_pairs(masks: Masks, table: _Table, feedback: Feedback) -> Masks:
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
        return masks | {part: masks[part] & ~is_held_out for part in ("train", "queries")}
    seen = masks["train"] | masks.get("fold_in", masks["train"])
    test = np.flatnonzero(masks["test"])
    return masks | {"test": _mask_of(test[~np.isin(pairs[test], pairs[seen])], len(pairs))}


def _latest(rule: LatestSplit | RandomSplit, table: _Table) -> Masks:
    everything = np.ones(len(table.users), dtype=bool)
    test = _latest_of_each_user(table, everything, rule.share, rule.min_ratings)
    return {"train": ~test, "test": test}


def _latest_likes(
    rule: LatestLikesSplit | RandomLikesSplit,
    table: _Table,
    likes: Mask,
    rng: np.random.Generator,
    *,
    random_likes: bool,
) -> Masks:
    ordered = _shuffled(table, rng) if random_likes or not rule.needs_times else table
    test = _latest_of_each_user(ordered, likes, rule.share, rule.min_likes)
    return {"train": ~test, "test": test, "queries": _draw_queries(rule.queries, table, likes & ~test, test, rng)}


def _shuffled(table: _Table, rng: np.random.Generator) -> _Table:
    """Return the ratings with random times: the latest are then random ones."""
    return replace(table, times=rng.permutation(len(table.times)))


def _folds(rule: FoldsSplit, table: _Table, rng: np.random.Generator) -> list[Masks]:
    fold_of = rng.permutation(len(table.users)) % rule.folds
    return [{"train": fold_of != fold, "test": fold_of == fold} for fold in range(rule.folds)]


def _per_item(rule: PerItemSplit, table: _Table, seed: int) -> Masks:
    # The published protocol's own generator, so that the same rows come out.
    numbers = np.random.RandomState(seed).uniform(size=len(table.users))
    counts = np.bincount(table.movies)
    train = positions(table.movies, numbers) < np.rint(rule.share * counts)[table.movies]
    is_trained = np.bincount(table.users[train], minlength=_size(table.users)) > 0
    return {"train": train, "test": ~train & is_trained[table.users]}


def _held_out_users(rule: HeldOutUsersSplit, table: _Table, likes: Mask, rng: np.random.Generator) -> Masks:
    like_counts = np.bincount(table.users[likes], minlength=_size(table.users))
    eligible = like_counts >= rule.min_likes
    held_out = _mask_of(
        rng.choice(np.flatnonzero(eligible), round(rule.share * eligible.sum()), replace=False), len(like_counts)
    )[table.users]
    test = _random_share(1 - rule.fold_in, table, likes & held_out, rng)
    used = likes
    if rule.ratings == "all":  # drawn after the likes, which are then the same with either choice
        used = np.ones_like(likes)
        test |= _random_share(1 - rule.fold_in, table, ~likes & held_out, rng)
    fold_in = used & held_out & ~test
    return {"train": used & ~held_out & eligible[table.users], "test": test, "masked": fold_in, "fold_in": fold_in}


def _random_share(share: float, table: _Table, candidates: Mask, rng: np.random.Generator) -> Mask:
    """Return a random `share` (rounded down) of each user's candidate ratings."""
    rows = np.flatnonzero(candidates)
    users = table.users[rows]
    counts = np.floor(share * np.bincount(users, minlength=_size(table.users)) + _ROUNDING)[users]
    return _mask_of(rows[positions(users, rng.random(len(rows))) < counts], len(candidates))


def _held_out_items(rule: HeldOutFilmsSplit, table: _Table, likes: Mask, rng: np.random.Generator) -> Masks:
    rated = np.unique(table.movies)
    rated = rated if table.drawable is None else rated[table.drawable[rated]]
    cold = np.isin(table.movies, rng.choice(rated, round(rule.share * len(rated)), replace=False))
    queries = _draw_queries(rule.queries, table, likes & ~cold, likes & cold, rng)
    has_query = np.bincount(table.users[queries], minlength=_size(table.users)) > 0
    return {"train": ~cold, "test": cold & has_query[table.users], "queries": queries}


def _draw_queries(limit: int, table: _Table, candidates: Mask, relevant: Mask, rng: np.random.Generator) -> Mask:
    """Return at most `limit` random candidate ratings of each user who has a relevant rating."""
    has_relevant = np.bincount(table.users[relevant], minlength=_size(table.users)) > 0
    rows = np.flatnonzero(candidates & has_relevant[table.users])
    return _mask_of(rows[positions(table.users[rows], rng.random(len(rows))) < limit], len(candidates))


def _latest_of_each_user(table: _Table, eligible: Mask, share: float, minimum: int) -> Mask:
    """Return the latest `share` (rounded up) of each user's eligible ratings, for users with at least `minimum`."""
    rows = np.flatnonzero(eligible)
    users = table.users[rows]
    counts = np.bincount(users, minlength=_size(table.users))
    held_out_counts = np.where(counts >= minimum, np.ceil(share * counts - _ROUNDING), 0)
    from_end = counts[users] - 1 - positions(users, table.times[rows])
    return _mask_of(rows[from_end < held_out_counts[users]], len(eligible))


def positions(groups: NDArray[np.int32], keys: NDArray[Any]) -> NDArray[np.int64]:
    """Return each row's position (n,) within its group by ascending key, from 0; equal keys keep row order."""
    order = np.lexsort((keys, groups))
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    result = np.empty(len(groups), dtype=np.int64)
    result[order] = np.arange(len(groups)) - starts[groups[order]]
    return result


def _table(dataset: ProcessedDataset, rule: CutSplit) -> _Table:
    ratings = dataset.ratings
    drawable = None
    if isinstance(rule, HeldOutFilmsSplit) and rule.described_by:
        drawable = np.logical_and.reduce([has_block(dataset.tags, name) for name in rule.described_by])
        if not drawable.any():
            raise DataError(f"Expected {dataset.items.plural} with {', '.join(rule.described_by)}; there are none.")
    return _Table(
        dataset.user_rows, dataset.movie_rows, ratings[RATING].to_numpy(), ratings[TIMESTAMP].to_numpy(), drawable
    )


def _size(rows: NDArray[np.int32]) -> int:
    return int(rows.max(initial=-1)) + 1


def _mask_of(rows: NDArray[np.int64], n: int) -> Mask:
    """Return a mask (n,) that is True at `rows`."""
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask


def _checked_split(masks: Masks, protocol: ProtocolConfig, seed: int, fold: int) -> Split:
    """Return the masks as a split. Raises DataError where the training or the test part is empty."""
    for name in ("train", "test"):
        if not masks[name].any():
            raise DataError(f"Protocol {protocol.name} leaves the {name} part of this data set empty; it is too small.")
    hidden = tuple(protocol.split.hidden) if isinstance(protocol.split, HeldOutFilmsSplit) else ()
    masks = {"masked": masks["train"]} | masks
    return Split(**masks, protocol=protocol.name, seed=seed, fold=fold, hidden_blocks=hidden)
