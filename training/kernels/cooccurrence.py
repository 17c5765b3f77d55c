"""Films by the people they share: counts of common people, normalised and shrunk, the best k of each film."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from training.kernels.ordering import fullest_first
from training.kernels.threads import thread_map
from training.kernels.topk import top_k

STEP = 16  # films per task
_TINY = np.finfo(np.float32).tiny  # where nobody is common and nothing is shrunk: 0 / tiny is 0


def cooccurrence_top_k(
    user_item: sp.csr_matrix, k: int, *, exponent: float, shrinkage: float, threads: int = 0
) -> sp.csr_matrix:
    """(n_movies, n_movies) likeness, the best k of each row; of equals, the more popular films.

    likeness(i, j) = c_ij / (c_ii c_jj)^exponent * c_ij / (c_ij + shrinkage), where c = W'W for the weights W =
    `user_item` (n_users, n_movies): exponent 1/2 is the cosine, 1 is lift. The film itself is left out.
    """
    n = user_item.shape[1]
    by_user, _, order = fullest_first(user_item)
    by_item = by_user.tocsc()
    norms = np.asarray(by_user.multiply(by_user).sum(axis=0), dtype=np.float32).ravel() ** np.float32(exponent)
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    columns, values = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)

    def work(start: int) -> None:
        stop = min(start + STEP, n)
        block = np.zeros((stop - start, n), dtype=np.float32)
        _count(_ratings(by_item, start, stop), (by_user.indptr, by_user.indices, by_user.data), block)
        _normalise(block, scale, start, np.float32(shrinkage))
        found, values[order[start:stop]] = top_k(block, k)
        columns[order[start:stop]] = np.where(found >= 0, order[found], -1)

    with thread_map(threads) as run:
        for _ in run(work, range(0, n, STEP)):
            pass
    return _sparse(columns, values)


def _ratings(by_item: sp.csc_matrix, start: int, stop: int) -> tuple[NDArray[Any], ...]:
    """Users, films counted from `start`, and weights of the ratings of the films start..stop, sorted by user.

    One after the other, the films of a user find that user's row in the cache.
    """
    first, last = by_item.indptr[start], by_item.indptr[stop]
    users = by_item.indices[first:last]
    lines = np.repeat(np.arange(stop - start, dtype=np.int32), np.diff(by_item.indptr[start : stop + 1]))
    by_user = np.argsort(users, kind="stable")
    return users[by_user], lines[by_user], by_item.data[first:last][by_user]


def _sparse(columns: NDArray[np.int32], values: NDArray[np.float32]) -> sp.csr_matrix:
    """Rows of (column, value), places with -1 or no value left out; columns ascending."""
    kept = (columns >= 0) & (values > 0)
    indptr = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    matrix = sp.csr_matrix((values[kept], columns[kept], indptr), shape=(len(columns), len(columns)))
    matrix.sort_indices()
    return matrix


@njit(cache=True, nogil=True)
def _count(ratings: Any, by_user: Any, out: Any) -> None:
    """out[b, j] = sum over the ratings (u, b, w) of w * w_uj; `out` starts as zeros."""
    users, lines, weights = ratings
    user_ptr, user_items, user_weights = by_user
    for at in range(len(users)):
        row, weight, user = out[lines[at]], weights[at], users[at]
        # unsigned indices spare the check for negative ones
        for other in range(np.uint64(user_ptr[user]), np.uint64(user_ptr[user + 1])):
            row[np.uint64(user_items[other])] += weight * user_weights[other]


@njit(cache=True, nogil=True, error_model="numpy")
def _normalise(block: Any, scale: Any, start: int, shrinkage: np.float32) -> None:
    """Counts to likeness, in place; the film itself to -inf."""
    for line in range(len(block)):
        row, own = block[line], scale[start + line]
        for column in range(len(row)):  # without a branch: vector instructions
            count = row[column]
            row[column] = count * own * scale[column] * (count / max(count + shrinkage, _TINY))
        row[start + line] = -np.inf
