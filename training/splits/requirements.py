"""Requirements of each protocol on a data set; a data set on which no model could be evaluated is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import RATING
from training.datasets.store import ProcessedDataset
from training.splits.protocol import (
    LatestLikesSplit,
    LatestSplit,
    ProtocolConfig,
    RandomLikesSplit,
    RandomSplit,
    TemporalSplit,
    load_protocol,
)

# Protocols of lists for users, of which one is enough, and of items like an item; those of data without times last.
PEOPLE, TITLES = ("latest20", "temporal"), "item2item"
PEOPLE_WITHOUT_TIMES, TITLES_WITHOUT_TIMES = ("random20",), "item2item-random"


def require_a_protocol(dataset: ProcessedDataset) -> None:
    """Raise DataError where models can be judged neither by lists for users nor by items like an item.

    The message names what is missing for each protocol.
    """
    people, titles = (PEOPLE, TITLES) if dataset.has_times else (PEOPLE_WITHOUT_TIMES, TITLES_WITHOUT_TIMES)
    missing = {name: _missing(load_protocol(name), dataset) for name in (*people, titles)}
    reasons = {name: reason for name, reason in missing.items() if reason}
    if titles not in reasons and not all(name in reasons for name in people):
        return
    listed = "\n".join(f"  {name}: {reason}" for name, reason in reasons.items())
    raise DataError(
        f"{dataset.name} was prepared, but is too small or too uniform for a model to be trained and judged on it. "
        f"Missing for the protocols:\n{listed}\nBring more interactions, or say with --like what counts as a like."
    )


def _missing(protocol: ProtocolConfig, dataset: ProcessedDataset) -> str:
    """Return the unmet requirement of a protocol on a data set, "" if there is none."""
    rule, like = protocol.split, dataset.feedback.like
    likes = dataset.ratings[RATING].to_numpy() >= np.float32(like)
    if not likes.any():
        return f"no interaction is a like, {like:g} or more"
    match rule:
        case LatestSplit() | RandomSplit():
            return _too_few("interactions", rule.min_ratings, dataset, np.ones_like(likes))
        case TemporalSplit():
            return _too_few("interactions", rule.min_train_ratings + 1, dataset, np.ones_like(likes))
        case LatestLikesSplit() | RandomLikesSplit():
            return _too_few(f"likes ({like:g} or more)", rule.min_likes, dataset, likes)
        case _:
            return ""


def _too_few(counted: str, needed: int, dataset: ProcessedDataset, mask: NDArray[np.bool_]) -> str:
    """Return how far every user is from `needed` interactions in `mask` (n,), of several items; "" if one is not."""
    counts = np.bincount(dataset.user_rows[mask])
    items = np.diff(dataset.user_item(mask).indptr)[: len(counts)]
    if ((counts >= needed) & (items > 1)).any():
        return ""
    if counts.max() >= needed:
        return f"no user with {needed} {counted} has them with more than one item"
    return f"needs a user with {needed} {counted} or more; the most of one user are {counts.max()}"
