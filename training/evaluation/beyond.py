"""Beyond accuracy: how much of the catalogue is shown, how popular, how new and how varied the lists are.

Popularity is the number of training ratings of a film. m is the number of lists, k their length; padding is -1.
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

RARE = 20  # a film with fewer ratings is rare: lists that show one
BLOCK = 4096  # lists at a time
THIN = 5  # a film with fewer ratings rests on next to no evidence: films shown


@dataclass(frozen=True)
class Shelf:
    """What is known about the films and, where lists are for people, about what those people had rated."""

    popularity: NDArray[np.int64]  # (n_movies,) training ratings
    raters: int  # users with a training rating
    tags: sp.csr_matrix  # (n_movies, n_features), rows of length 1 or 0
    history_popularity: Values | None = None  # (m,) mean popularity of the films that each list's person had rated

    @cached_property
    def tag_squares(self) -> Values:
        """(n_movies,) squared length of each film's tags: 1, or 0 where it has none."""
        return row_squares(self.tags)

    def rows(self, lists: Lists) -> NDArray[np.int64]:
        """(m, k) popularity of the films shown, 0 for padding."""
        return np.where(lists >= 0, self.popularity[lists], 0)


def _mean(values: NDArray[np.generic], shown: NDArray[np.bool_]) -> Values:
    """(m,) mean of `values` (m, k) where `shown`; NaN for an empty list."""
    return quotient(np.where(shown, values, 0).sum(axis=1, dtype=np.float64), shown.sum(axis=1))


def novelty(lists: Lists, shelf: Shelf) -> Values:
    """(m,) mean self-information -log2(raters of a film / all raters), in bits; unrated films count as rated once."""
    bits = -np.log2(np.maximum(shelf.popularity, 1) / shelf.raters)
    return _mean(bits[lists], lists >= 0)


def popularity_lift(lists: Lists, shelf: Shelf) -> Values:
    """(m,) mean popularity of the list / mean popularity of the person's history - 1."""
    if shelf.history_popularity is None:
        return np.full(len(lists), np.nan)
    return _mean(shelf.rows(lists), lists >= 0) / shelf.history_popularity - 1.0


def diversity(lists: Lists, shelf: Shelf) -> Values:
    """(m,) 1 - mean cosine of the pairs of films in the list, in the movie-tag matrix: one space for all models."""
    # In blocks: a film has up to thousands of tags, so the sums over all lists at once could fill the memory.
    blocks = [_diversity(lists[start : start + BLOCK], shelf) for start in range(0, len(lists), BLOCK)]
    return np.concatenate([np.empty(0), *blocks])


def _diversity(lists: Lists, shelf: Shelf) -> Values:
    shown = lists >= 0
    indptr = np.concatenate(([0], np.cumsum(shown.sum(axis=1))))
    picks = sp.csr_matrix((np.ones(indptr[-1], np.float32), lists[shown], indptr), (len(lists), shelf.tags.shape[0]))
    both_ways = row_squares(picks @ shelf.tags) - picks @ shelf.tag_squares
    pairs = np.diff(indptr) * (np.diff(indptr) - 1.0)
    return 1.0 - quotient(both_ways, pairs)


def row_squares(matrix: sp.csr_matrix) -> Values:
    """(m,) sum of the squares of each row's entries."""
    lines = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = matrix.data.astype(np.float64) ** 2
    return np.bincount(lines, weights=squares, minlength=matrix.shape[0]).astype(np.float64)


def rare_lists(lists: Lists, shelf: Shelf) -> Values:
    """(m,) 1 where a list shows a film with under RARE ratings."""
    return np.asarray(((shelf.rows(lists) < RARE) & (lists >= 0)).any(axis=1), dtype=np.float64)


def thin_films(lists: Lists, shelf: Shelf) -> Values:
    """(m,) share of the films shown that have under THIN ratings."""
    return _mean(shelf.rows(lists) < THIN, lists >= 0)


def chance_hit_rate(candidates: NDArray[np.int64], relevant: NDArray[np.int64], k: int) -> Values:
    """(m,) chance that a random list of k out of `candidates` (m,) films shows one of the `relevant` (m,) ones."""
    drawn = np.arange(k)
    left = np.maximum(candidates - relevant, 0)[:, None] - drawn
    return np.asarray(1.0 - np.prod(np.maximum(left, 0) / np.maximum(candidates[:, None] - drawn, 1), axis=1))


PER_LIST: dict[str, Callable[[Lists, Shelf], Values]] = {
    "novelty": novelty,
    "popularity_lift": popularity_lift,
    "diversity": diversity,
    "rare_lists": rare_lists,
    "thin_films": thin_films,
}


def exposure(lists: Lists, n_movies: int) -> NDArray[np.int64]:
    """(n_movies,) how often each film is shown."""
    return np.bincount(lists[lists >= 0], minlength=n_movies)


def coverage(shown: NDArray[Any]) -> Values:
    """Share of the catalogue that is shown at all; `shown` (..., n_movies) exposures."""
    return np.asarray(np.count_nonzero(shown, axis=-1) / shown.shape[-1])


def gini(shown: NDArray[Any]) -> Values:
    """Gini coefficient of the exposures (..., n_movies): 0 when all films are shown equally often, near 1 for few."""
    ordered = np.sort(shown, axis=-1)
    n = ordered.shape[-1]
    ranks = np.arange(1, n + 1)
    return np.asarray(2 * (ordered @ ranks) / (n * ordered.sum(axis=-1)) - (n + 1) / n)


WHOLE_SET: dict[str, Callable[[NDArray[Any]], Values]] = {"coverage": coverage, "gini": gini}
