"""Training and test parts of each protocol, as masks over a data set's ratings in file order.

Every splitter sees one table of ratings and gives masks over it, so that a validation part is cut from a training part
exactly as the test part was cut from the whole. Only the latest likes can be cut but once: further validation parts of
such a protocol hold out likes drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import DUPLICATE_OF, RATING, TIMESTAMP
from training.datasets.store import ProcessedDataset
from training.models.base import TrainingData
from training.splits.files import tested_parts, validation_parts
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
    TemporalSplit,
    load_protocol,
)

__all__ = [
    "ProtocolConfig",
    "Split",
    "all_ratings",
    "load_protocol",
    "splits",
    "trained_in",
    "training_data",
    "validation_splits",
]

Mask = NDArray[np.bool_]
_NEXT_CUT = 1000  # added to the seed of a split for each further validation part: far from other splits' seeds
_EXACT = 1e-9  # a share of a count that is whole up to this is whole: 0.2 * 35 is 7.000000000000001


@dataclass(frozen=True)
class Split:
    """One division of a data set. Masks cover its n ratings in file order; a rating may be in no part."""

    protocol: str
    seed: int
    fold: int
    train: Mask  # (n,) what models are fitted on
    test: Mask  # (n,) what they are judged by; its films are hidden from training for the same user
    masked: Mask  # (n,) a user's list leaves these films out
    queries: Mask | None = None  # (n,) item2item and cold: training likes whose films are asked about
    fold_in: Mask | None = None  # (n,) strong: all that a model is shown of the held-out users


@dataclass(frozen=True)
class _Table:
    """Ratings as columns of length n."""

    users: NDArray[np.int32]
    movies: NDArray[np.int32]
    stars: NDArray[np.float32]
    times: NDArray[np.int64]


def splits(protocol: ProtocolConfig, dataset: ProcessedDataset, seed: int) -> list[Split]:
    """The protocol's splits of `dataset`: one, or one for each fold. The same seed gives the same splits.

    Raises DataError where a part comes out empty, MissingInputError where a file of the split is not there.
    """
    if isinstance(protocol.split, FilesSplit):
        found = [tested_parts(protocol.split, dataset, protocol.masked)]
    else:
        table = _table(dataset)
        found = _parts(protocol.split, table, liked(protocol, table.stars), seed)
    return [_named(parts, protocol, seed, fold) for fold, parts in enumerate(found)]


def validation_splits(protocol: ProtocolConfig, dataset: ProcessedDataset, split: Split, seed: int) -> list[Split]:
    """Splits for tuning that never look at the test part: cut from `split.train`, the first by the protocol's own rule.

    Protocols made of files take their validation file. Raises MissingInputError where they have none.
    """
    if isinstance(protocol.split, FilesSplit):
        return [_named(validation_parts(protocol.split, dataset), protocol, seed, split.fold)]
    rule = protocol.split
    if isinstance(rule, PerItemSplit):
        rule = rule.model_copy(update={"share": rule.validation_share})
    cuts = range(protocol.validation_cuts)
    return [_cut_inside(protocol, rule, dataset, split, seed + _NEXT_CUT * cut, drawn=cut > 0) for cut in cuts]


def _cut_inside(
    protocol: ProtocolConfig, rule: CutSplit, dataset: ProcessedDataset, split: Split, seed: int, *, drawn: bool
) -> Split:
    """`split.train` divided by `rule` once more; `drawn`: by likes drawn at random where the rule takes the latest."""
    inside = np.flatnonzero(split.train)
    table = _table(dataset)
    inner = _Table(table.users[inside], table.movies[inside], table.stars[inside], table.times[inside])
    parts = _parts(rule, inner, liked(protocol, inner.stars), seed, drawn=drawn)[0]
    wide = {name: _widen(mask, inside, len(split.train)) for name, mask in parts.items()}
    return _named(wide, protocol, seed, split.fold)


def trained_in(split: Split) -> Split:
    """The same test with the folded-in ratings in the training part: what folding in is compared with."""
    if split.fold_in is None:
        raise DataError(f"Protocol {split.protocol} folds nobody in.")
    return replace(split, train=split.train | split.fold_in, fold_in=None)


def all_ratings(dataset: ProcessedDataset) -> Split:
    """All ratings train, none is held out: what a version is refitted on."""
    every = np.ones(len(dataset.ratings), dtype=bool)
    return Split("all", 0, 0, train=every, test=~every, masked=every)


def training_data(dataset: ProcessedDataset, split: Split) -> TrainingData:
    """What models are fitted on: matrices of the whole data set's shape with the split's training ratings only."""
    canonical = dataset.movie_ids.rows(dataset.movies[DUPLICATE_OF].to_numpy()).astype(np.int32)
    return TrainingData(user_item=dataset.user_item(split.train), tags=dataset.tags, canonical=canonical)


def liked(protocol: ProtocolConfig, stars: NDArray[np.float32]) -> Mask:
    """(n,) True where a rating makes its film relevant under `protocol`."""
    return stars >= protocol.relevance if protocol.relevance is not None else np.ones(len(stars), dtype=bool)


Parts = dict[str, Mask]


def _parts(rule: CutSplit, table: _Table, likes: Mask, seed: int, *, drawn: bool = False) -> list[Parts]:
    rng = np.random.default_rng(seed)
    match rule:
        case LatestSplit():
            return [_latest(rule, table)]
        case LatestLikesSplit():
            return [_latest_likes(rule, table, likes, rng, drawn=drawn)]
        case TemporalSplit():
            return [_temporal(rule, table)]
        case FoldsSplit():
            return _folds(rule, table, rng)
        case PerItemSplit():
            return [_per_item(rule, table, seed)]
        case HeldOutUsersSplit():
            return [_held_out_users(rule, table, likes, rng)]
        case HeldOutFilmsSplit():
            return [_held_out_films(rule, table, likes, rng)]
        case _:
            assert_never(rule)


def _latest(rule: LatestSplit, table: _Table) -> Parts:
    everything = np.ones(len(table.users), dtype=bool)
    test = _last_of_each_user(table, everything, rule.share, rule.min_ratings)
    return {"train": ~test, "test": test}


def _latest_likes(
    rule: LatestLikesSplit, table: _Table, likes: Mask, rng: np.random.Generator, *, drawn: bool
) -> Parts:
    ordered = replace(table, times=rng.permutation(len(table.times))) if drawn else table
    test = _last_of_each_user(ordered, likes, rule.share, rule.min_likes)
    return {"train": ~test, "test": test, "queries": _queries(rule.queries, table, likes & ~test, test, rng)}


def _temporal(rule: TemporalSplit, table: _Table) -> Parts:
    cut = np.sort(table.times)[int(rule.share * len(table.times))]
    train = table.times < cut
    known = np.bincount(table.users[train], minlength=_size(table.users)) >= rule.min_train_ratings
    return {"train": train, "test": ~train & known[table.users]}


def _folds(rule: FoldsSplit, table: _Table, rng: np.random.Generator) -> list[Parts]:
    fold_of = rng.permutation(len(table.users)) % rule.folds
    return [{"train": fold_of != fold, "test": fold_of == fold} for fold in range(rule.folds)]


def _per_item(rule: PerItemSplit, table: _Table, seed: int) -> Parts:
    # The published protocol's own generator: the same rows come out.
    numbers = np.random.RandomState(seed).uniform(size=len(table.users))
    counts = np.bincount(table.movies)
    train = positions(table.movies, numbers) < np.rint(rule.share * counts)[table.movies]
    known = np.bincount(table.users[train], minlength=_size(table.users)) > 0
    return {"train": train, "test": ~train & known[table.users]}


def _held_out_users(rule: HeldOutUsersSplit, table: _Table, likes: Mask, rng: np.random.Generator) -> Parts:
    counts = np.bincount(table.users[likes], minlength=_size(table.users))
    eligible = np.flatnonzero(counts >= rule.min_likes)
    held = np.zeros(len(counts), dtype=bool)
    held[rng.choice(eligible, round(rule.share * len(eligible)), replace=False)] = True
    theirs = np.flatnonzero(likes & held[table.users])
    hidden = np.floor((1 - rule.fold_in) * counts + _EXACT)[table.users[theirs]]
    tested = positions(table.users[theirs], rng.random(len(theirs))) < hidden
    test, shown = np.zeros((2, len(likes)), dtype=bool)
    test[theirs[tested]] = True
    shown[theirs[~tested]] = True
    train = likes & ~held[table.users] & (counts >= rule.min_likes)[table.users]
    return {"train": train, "test": test, "masked": shown, "fold_in": shown}


def _held_out_films(rule: HeldOutFilmsSplit, table: _Table, likes: Mask, rng: np.random.Generator) -> Parts:
    rated = np.unique(table.movies)
    cold = np.isin(table.movies, rng.choice(rated, round(rule.share * len(rated)), replace=False))
    queries = _queries(rule.queries, table, likes & ~cold, likes & cold, rng)
    asked = np.bincount(table.users[queries], minlength=_size(table.users)) > 0
    return {"train": ~cold, "test": cold & asked[table.users], "queries": queries}


def _queries(most: int, table: _Table, askable: Mask, relevant: Mask, rng: np.random.Generator) -> Mask:
    """At most `most` random askable ratings of each user who has a relevant one."""
    judged = np.bincount(table.users[relevant], minlength=_size(table.users)) > 0
    rows = np.flatnonzero(askable & judged[table.users])
    queries = np.zeros(len(askable), dtype=bool)
    queries[rows[positions(table.users[rows], rng.random(len(rows))) < most]] = True
    return queries


def _last_of_each_user(table: _Table, eligible: Mask, share: float, least: int) -> Mask:
    """The latest `share` (rounded up) of each user's eligible ratings, for users with at least `least` of them."""
    rows = np.flatnonzero(eligible)
    users = table.users[rows]
    counts = np.bincount(users, minlength=_size(table.users))
    held = np.where(counts >= least, np.ceil(share * counts - _EXACT), 0)
    from_end = counts[users] - 1 - positions(users, table.times[rows])
    mask = np.zeros(len(eligible), dtype=bool)
    mask[rows[from_end < held[users]]] = True
    return mask


def positions(groups: NDArray[np.int32], keys: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) place of each row among the rows of its group in ascending order of `keys`; ties in row order."""
    order = np.lexsort((keys, groups))
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    places = np.empty(len(groups), dtype=np.int64)
    places[order] = np.arange(len(groups)) - starts[groups[order]]
    return places


def _table(dataset: ProcessedDataset) -> _Table:
    ratings = dataset.ratings
    return _Table(
        dataset.user_rows, dataset.movie_rows, ratings[RATING].to_numpy(), ratings[TIMESTAMP].to_numpy()
    )  # fmt: skip


def _size(rows: NDArray[np.int32]) -> int:
    return int(rows.max(initial=-1)) + 1


def _widen(mask: Mask, inside: NDArray[np.int64], n: int) -> Mask:
    wide = np.zeros(n, dtype=bool)
    wide[inside] = mask
    return wide


def _named(parts: Parts, protocol: ProtocolConfig, seed: int, fold: int) -> Split:
    for name in ("train", "test"):
        if not parts[name].any():
            raise DataError(f"Protocol {protocol.name} leaves the {name} part of this data set empty; it is too small.")
    assert set(parts) <= {field.name for field in fields(Split)}
    return Split(**({"masked": parts["train"]} | parts), protocol=protocol.name, seed=seed, fold=fold)
