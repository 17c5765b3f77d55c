"""Films by the people they share: counts of common people, normalised and shrunk, the best k of each film."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from training.kernels.threads import thread_map
from training.kernels.topk import top_k

STEP = 64  # films per task


def cooccurrence_top_k(
    user_item: sp.csr_matrix, k: int, *, exponent: float, shrinkage: float, threads: int = 0
) -> sp.csr_matrix:
    """(n_movies, n_movies) likeness, the best k of each row.

    likeness(i, j) = c_ij / (c_ii c_jj)^exponent * c_ij / (c_ij + shrinkage), where c = W'W for the weights W =
    `user_item` (n_users, n_movies): exponent 1/2 is the cosine, 1 is lift. The film itself is left out.
    """
    by_item = user_item.tocsc()
    n = user_item.shape[1]
    norms = np.asarray(user_item.multiply(user_item).sum(axis=0), dtype=np.float32).ravel() ** np.float32(exponent)
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    columns, values = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)

    def work(start: int) -> None:
        rows = np.arange(start, min(start + STEP, n))
        block = np.zeros((len(rows), n), dtype=np.float32)
        _count(_parts(by_item), _parts(user_item), start, block)
        _normalise(block, scale, start, shrinkage)
        columns[rows], values[rows] = top_k(block, k)

    with thread_map(threads) as run:
        for _ in run(work, range(0, n, STEP)):
            pass
    return _sparse(columns, values)


def _parts(matrix: sp.csr_matrix | sp.csc_matrix) -> tuple[NDArray[Any], ...]:
    return matrix.indptr, matrix.indices, matrix.data


def _sparse(columns: NDArray[np.int32], values: NDArray[np.float32]) -> sp.csr_matrix:
    """Rows of (column, value), places with -1 or no value left out; columns ascending."""
    kept = (columns >= 0) & (values > 0)
    indptr = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    matrix = sp.csr_matrix((values[kept], columns[kept], indptr), shape=(len(columns), len(columns)))
    matrix.sort_indices()
    return matrix


@njit(cache=True, nogil=True)
def _count(by_item: Any, by_user: Any, start: int, out: Any) -> None:
    """out[b, j] = sum over the people u of film start + b of w_ub * w_uj; `out` starts as zeros."""
    item_ptr, item_users, item_weights = by_item
    user_ptr, user_items, weights = by_user
    for line in range(len(out)):
        row = out[line]
        for at in range(item_ptr[start + line], item_ptr[start + line + 1]):
            user, weight = item_users[at], item_weights[at]
            for other in range(user_ptr[user], user_ptr[user + 1]):
                row[user_items[other]] += weight * weights[other]


@njit(cache=True, nogil=True)
def _normalise(block: Any, scale: Any, start: int, shrinkage: float) -> None:
    """Counts to likeness, in place; the film itself to -inf."""
    for line in range(len(block)):
        own = scale[start + line]
        for column in range(block.shape[1]):
            count = block[line, column]
            if count > 0:
                block[line, column] = count * own * scale[column] * (count / (count + shrinkage))
        block[line, start + line] = -np.inf
