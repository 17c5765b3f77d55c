"""Training and test parts of each protocol, as masks over a data set's ratings in file order.

Every rule sees one table of ratings and returns masks over it, so that a validation part is cut from a training part as
the test part was cut from the whole. Only the latest likes can be held out just once: further validation splits of such
a protocol hold out random likes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.errors import DataError
from recommender.feedback import Feedback
from recommender.schema import DUPLICATE_OF, RATING, TIMESTAMP
from training.datasets.features.tag_matrix import without_blocks
from training.datasets.indexing import rows_of
from training.datasets.store import ProcessedDataset
from training.models.base import TrainingData
from training.models.fits import VALIDATIONS
from training.models.target import EVERY_ROW, Target
from training.splits.files import file_masks, validation_file_masks
from training.splits.protocol import (
    CutSplit,
    FilesSplit,
    FoldsSplit,
    HeldOutFilmsSplit,
    LatestSplit,
    PerItemSplit,
    ProtocolConfig,
    RandomSplit,
    TemporalSplit,
)
from training.splits.rules import Mask, Masks, Table, cut, mask_of, only_new_pairs

NO_TIMES = "it orders ratings by time, and these have no times or all the same"
_CHOOSING_SEED = 500_000  # far from the seeds of validation splits
_SEED_STEP = 1000  # from one validation split to the next: far from the seeds of other splits
_VALIDATION = "the validation cut of this data set"
_LEAST_MINIMUM = {"min_ratings": 2, "min_likes": 2, "min_train_ratings": 1}  # by which a user can be divided at all


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
    target: Target = EVERY_ROW  # which ratings are relevant, and which models learn to predict
    of_new_items: bool = False  # cold: items without training ratings are as on the day of their release
    hidden_blocks: tuple[str, ...] = ()  # features that training doesn't know of such items

    @property
    def training_key(self) -> str:
        """Return a digest of the training part and its target: models fitted on two splits of one key are the same."""
        about = f"{self.target}{self.of_new_items}{self.hidden_blocks}".encode()
        return hashlib.sha256(np.packbits(self.train).tobytes() + about).hexdigest()


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
        likes = protocol.target(dataset.feedback).includes(table.ratings)
        if not likes.any():
            least = protocol.on(dataset.feedback).relevance
            raise DataError(f"Protocol {protocol.name} judges by likes, ratings of at least {least:g}; there are none.")
        folds = cut(protocol.split, table, likes, seed)
        folds = [only_new_pairs(masks, table, dataset.feedback) for masks in folds]
        folds = _judging(folds, likes, protocol)
    return [_checked_split(masks, protocol, dataset.feedback, seed, fold) for fold, masks in enumerate(folds)]


def validation_splits(protocol: ProtocolConfig, dataset: ProcessedDataset, split: Split, seed: int) -> list[Split]:
    """Return splits for tuning that never contain test ratings: `split.train` is divided again by the protocol's rule.

    Where it leaves nobody in a part, as users have fewer ratings now, also users with fewer than its minimum take part.
    Protocols made of files use their validation file; without one, a share of each user's training rows.
    Raises DataError where the validation part or what is left to train on is empty.
    """
    rule = protocol.split
    if isinstance(rule, FilesSplit):
        if rule.valid is not None:
            masks = validation_file_masks(rule, dataset)
            return [_checked_split(masks, protocol, dataset.feedback, seed, split.fold, _VALIDATION)]
        rule = rule.validation_rule(has_times=dataset.has_times)
    if isinstance(rule, PerItemSplit):
        rule = rule.model_copy(update={"share": rule.validation_share})
    cuts = range(protocol.validation_cuts)
    return [
        _validation_split(protocol, rule, dataset, split, seed + _SEED_STEP * cut, random_likes=cut > 0) for cut in cuts
    ]


def choosing_splits(protocol: ProtocolConfig, dataset: ProcessedDataset, split: Split) -> list[Split]:
    """Return two validation splits of `split.train` to weigh models by, which are not those that tuning compares by.

    As the protocol cuts them: in another draw, or, where time leaves no choice, once more from what the first leaves.
    A validation file is divided between its users. Empty where the rule holds out users, items or several times.
    """
    rule = protocol.split
    if isinstance(rule, FilesSplit):
        by_file = _halves_of_file(protocol, dataset, split)
        if by_file:
            return by_file
        rule = rule.validation_rule(has_times=dataset.has_times)
    if not isinstance(rule, (LatestSplit, RandomSplit, TemporalSplit, FoldsSplit, PerItemSplit)):
        return []
    protocol = protocol.model_copy(update={"split": rule, "validation_cuts": 1 if rule.needs_times else VALIDATIONS})
    try:
        first = validation_splits(protocol, dataset, split, split.seed + _CHOOSING_SEED)
        return [*first, *validation_splits(protocol, dataset, first[0], split.seed)] if rule.needs_times else first
    except DataError:  # too few ratings for one part more
        return []


def _halves_of_file(protocol: ProtocolConfig, dataset: ProcessedDataset, split: Split) -> list[Split]:
    """Return the validation file as two splits, of every other user each; none where it is what `split` tests."""
    assert isinstance(protocol.split, FilesSplit)
    if protocol.split.valid is None:
        return []
    masks = validation_file_masks(protocol.split, dataset)
    if (masks["test"] & split.test).any():
        return []
    users = np.cumsum(np.bincount(dataset.user_rows[masks["test"]], minlength=len(dataset.user_ids)) > 0)
    halves = [masks["test"] & (users[dataset.user_rows] % VALIDATIONS == half) for half in range(VALIDATIONS)]
    return [
        _checked_split(masks | {"test": half}, protocol, dataset.feedback, split.seed, split.fold)
        for half in halves
        if half.any()
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
    likes = protocol.target(dataset.feedback).includes(inner.ratings)
    fewer = {name: least for name, least in _LEAST_MINIMUM.items() if name in type(rule).model_fields}
    for rule_or_looser in (rule, rule.model_copy(update=fewer)):
        inner_masks = cut(rule_or_looser, inner, likes, seed, random_likes=random_likes)[0]
        inner_masks = only_new_pairs(inner_masks, inner, dataset.feedback)
        if inner_masks["train"].any() and (inner_masks["test"] & likes).any():
            break
    _judging([inner_masks], likes, protocol, _VALIDATION)
    masks = {name: mask_of(train_rows[mask], len(split.train)) for name, mask in inner_masks.items()}
    return _checked_split(masks, protocol, dataset.feedback, seed, split.fold, _VALIDATION)


def train_on_fold_in(split: Split) -> Split:
    """Return the split with its fold-in ratings moved into the training part, to compare folding in with training.

    Raises DataError where the split has no fold-in ratings.
    """
    if split.fold_in is None:
        raise DataError(f"Protocol {split.protocol} folds nobody in.")
    return replace(split, train=split.train | split.fold_in, fold_in=None)


def fold_in_likes(split: Split, protocol: ProtocolConfig, dataset: ProcessedDataset) -> Split:
    """Return the split with only the likes of its fold-in ratings, to measure the effect of dislikes.

    Lists still leave out all of them. Raises DataError where the split has no fold-in ratings.
    """
    if split.fold_in is None:
        raise DataError(f"Protocol {split.protocol} folds nobody in.")
    likes = protocol.target(dataset.feedback).includes(dataset.ratings[RATING].to_numpy())
    return replace(split, fold_in=split.fold_in & likes)


def all_ratings(dataset: ProcessedDataset, protocol: ProtocolConfig | None = None) -> Split:
    """Return a split with every rating in the training part, on which versions are refitted.

    The target is that of `protocol`, or likes, as the protocols that judge versions have it.
    """
    everything = np.ones(len(dataset.ratings), dtype=bool)
    target = protocol.target(dataset.feedback) if protocol else Target(dataset.feedback.like)
    return Split("all", 0, 0, train=everything, test=~everything, masked=everything, target=target)


def training_data(dataset: ProcessedDataset, split: Split) -> TrainingData:
    """Return the training ratings of a split as a matrix of the whole data set's shape, with tags and duplicates.

    Items without training ratings lack the features that the split hides.
    """
    canonical = rows_of(dataset.movies[DUPLICATE_OF], dataset.movie_ids)
    user_item = dataset.user_item(split.train)
    released = None if split.of_new_items else dataset.released_since(split.train)
    data = TrainingData(user_item, dataset.tags, canonical, dataset.feedback, target=split.target, released=released)
    if not split.hidden_blocks:
        return data
    tags = without_blocks(dataset.tags, data.counts == 0, split.hidden_blocks)
    return replace(data, tags=tags, has_own_tags=True)


def _table(dataset: ProcessedDataset, rule: CutSplit) -> Table:
    ratings = dataset.ratings
    drawable = None
    if isinstance(rule, HeldOutFilmsSplit) and rule.described_by:
        drawable = np.logical_and.reduce([dataset.tags.has_block(name) for name in rule.described_by])
        if not drawable.any():
            raise DataError(f"Expected {dataset.items.plural} with {', '.join(rule.described_by)}; there are none.")
    return Table(
        dataset.user_rows, dataset.movie_rows, ratings[RATING].to_numpy(), ratings[TIMESTAMP].to_numpy(), drawable
    )


def _judging(folds: list[Masks], likes: Mask, protocol: ProtocolConfig, divided: str = "this data set") -> list[Masks]:
    """Return the folds whose test part has a relevant rating. Raises DataError where test parts have ratings but none.

    An empty part is left to `_checked_split`.
    """
    judging = [masks for masks in folds if (masks["test"] & likes).any()]
    if not judging and any(masks["test"].any() for masks in folds):
        raise DataError(f"Protocol {protocol.name} judges by likes, and the test part of {divided} has none.")
    return judging or folds


def _checked_split(
    masks: Masks, protocol: ProtocolConfig, feedback: Feedback, seed: int, fold: int, divided: str = "this data set"
) -> Split:
    """Return the masks as a split. Raises DataError, which names `divided`, if the training or test part is empty."""
    for name in ("train", "test"):
        if not masks[name].any():
            raise DataError(f"Protocol {protocol.name} leaves the {name} part of {divided} empty; it is too small.")
    parts: dict[str, Any] = {"masked": masks["train"]} | masks
    split = Split(protocol=protocol.name, seed=seed, fold=fold, target=protocol.target(feedback), **parts)
    if isinstance(protocol.split, HeldOutFilmsSplit):
        return replace(split, of_new_items=True, hidden_blocks=tuple(protocol.split.hidden))
    return split
