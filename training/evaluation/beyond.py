"""Metrics beyond accuracy: coverage of the catalogue, popularity, novelty and diversity of lists.

The popularity of an item is its number of training ratings. m is the number of lists, k their length; padding is -1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.evaluation.metrics import Lists, Values, quotient

RARE = 20  # an item with fewer ratings is rare, for rare_lists
BLOCK = 4096  # lists at a time
THIN = 5  # an item with fewer ratings has next to no evidence, for thin_films


@dataclass(frozen=True)
class CatalogStats:
    """Popularity and tags of all items and, where lists are for users, the mean popularity of their histories."""

    popularity: NDArray[np.int64]  # (n_movies,) training ratings
    raters: int  # users with a training rating
    tags: sp.csr_matrix  # (n_movies, n_features), rows of length 1 or 0
    history_popularity: Values | None = None  # (m,) mean popularity of the items that each list's user had rated

    @cached_property
    def squared_tag_lengths(self) -> Values:
        """Return the squared length (n_movies,) of each item's tag vector: 1, or 0 where it has no tag."""
        return row_squares(self.tags)

    def popularity_in(self, lists: Lists) -> NDArray[np.int64]:
        """Return the popularity (m, k) of each item of the lists, 0 for padding."""
        return np.where(lists >= 0, self.popularity[lists], 0)


def _masked_mean(values: NDArray[np.generic], mask: NDArray[np.bool_]) -> Values:
    """Return the mean (m,) of `values` (m, k) where `mask` is True; NaN for a row without any."""
    return quotient(np.where(mask, values, 0).sum(axis=1, dtype=np.float64), mask.sum(axis=1))


def novelty(lists: Lists, stats: CatalogStats) -> Values:
    """Return each list's mean self-information (m,), in bits: -log2(raters of an item / all raters).

    An unrated item counts as rated once.
    """
    bits = -np.log2(np.maximum(stats.popularity, 1) / stats.raters)
    return _masked_mean(bits[lists], lists >= 0)


def popularity_lift(lists: Lists, stats: CatalogStats) -> Values:
    """Return mean popularity of each list / mean popularity of its user's history - 1, as (m,); NaN without one."""
    if stats.history_popularity is None:
        return np.full(len(lists), np.nan)
    return quotient(_masked_mean(stats.popularity_in(lists), lists >= 0), stats.history_popularity) - 1.0


def diversity(lists: Lists, stats: CatalogStats) -> Values:
    """Return 1 - mean cosine (m,) of the item pairs within each list, by tag vectors: one space for all models."""
    # In blocks: an item has up to thousands of tags, so the sums over all lists at once could fill the memory.
    blocks = [_block_diversity(lists[start : start + BLOCK], stats) for start in range(0, len(lists), BLOCK)]
    return np.concatenate([np.empty(0), *blocks])


def _block_diversity(lists: Lists, stats: CatalogStats) -> Values:
    is_item = lists >= 0
    indptr = np.concatenate(([0], np.cumsum(is_item.sum(axis=1))))
    membership = sp.csr_matrix(
        (np.ones(indptr[-1], np.float32), lists[is_item], indptr), (len(lists), stats.tags.shape[0])
    )
    # |sum of vectors|^2 - sum of |vector|^2 is twice the sum of the cosines of all pairs.
    cosine_sums = row_squares(membership @ stats.tags) - membership @ stats.squared_tag_lengths
    ordered_pairs = np.diff(indptr) * (np.diff(indptr) - 1.0)
    return 1.0 - quotient(cosine_sums, ordered_pairs)


def row_squares(matrix: sp.csr_matrix) -> Values:
    """Return the sum (m,) of the squared entries of each row."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = matrix.data.astype(np.float64) ** 2
    return np.bincount(rows, weights=squares, minlength=matrix.shape[0]).astype(np.float64)


def rare_lists(lists: Lists, stats: CatalogStats) -> Values:
    """Return 1 for each list (m,) that contains an item with fewer than RARE training ratings, else 0."""
    return np.asarray(((stats.popularity_in(lists) < RARE) & (lists >= 0)).any(axis=1), dtype=np.float64)


def thin_films(lists: Lists, stats: CatalogStats) -> Values:
    """Return the share (m,) of each list's items that have fewer than THIN training ratings."""
    return _masked_mean(stats.popularity_in(lists) < THIN, lists >= 0)


def new_films(lists: Lists, stats: CatalogStats) -> Values:
    """Return the share (m,) of each list's items that have no training rating."""
    return _masked_mean(stats.popularity_in(lists) == 0, lists >= 0)


def chance_hit_rate(candidates: NDArray[np.int64], relevant: NDArray[np.int64], k: int) -> Values:
    """Return the probability (m,) that k items drawn at random from the candidates include a relevant one.

    `candidates`, `relevant`: (m,) number of candidates, and of relevant items among them.
    """
    draws = np.arange(k)
    misses_left = np.maximum(candidates - relevant, 0)[:, None] - draws
    miss_chances = np.maximum(misses_left, 0) / np.maximum(candidates[:, None] - draws, 1)
    return np.asarray(1.0 - np.prod(miss_chances, axis=1))


PER_LIST: dict[str, Callable[[Lists, CatalogStats], Values]] = {
    "novelty": novelty,
    "popularity_lift": popularity_lift,
    "diversity": diversity,
    "rare_lists": rare_lists,
    "thin_films": thin_films,
    "new_films": new_films,
}


def exposure(lists: Lists, n_movies: int) -> NDArray[np.int64]:
    """Return how many times each item (n_movies,) occurs in the lists."""
    return np.bincount(lists[lists >= 0], minlength=n_movies)


def coverage(exposures: NDArray[Any]) -> Values:
    """Return the share of the catalogue that occurs in any list, from exposures (..., n_movies)."""
    return np.asarray(np.count_nonzero(exposures, axis=-1) / exposures.shape[-1])


def gini(exposures: NDArray[Any]) -> Values:
    """Return the Gini coefficient of exposures (..., n_movies): 0 for equal exposure, near 1 for a few items only.

    NaN where nothing is exposed.
    """
    ordered = np.sort(exposures, axis=-1)
    n = ordered.shape[-1]
    ranks = np.arange(1, n + 1)
    return np.asarray(quotient(2 * (ordered @ ranks), n * ordered.sum(axis=-1)) - (n + 1) / n)


WHOLE_SET: dict[str, Callable[[NDArray[Any]], Values]] = {"coverage": coverage, "gini": gini}
