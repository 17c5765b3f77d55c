"""Item-item similarity from co-ratings: counts of common users, normalised and shrunk, the best k per film."""

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
_TINY = np.finfo(np.float32).tiny  # avoids 0 / 0 where no user is common and nothing is shrunk


def cooccurrence_top_k(user_item: sp.csr_matrix, k: int, *, exponent: float, shrinkage: float) -> sp.csr_matrix:
    """Return the k most similar films of each film as a sparse (n_movies, n_movies) matrix; ties go to popular films.

    similarity(i, j) = c_ij / (c_ii c_jj)^exponent * c_ij / (c_ij + shrinkage), where c = W'W for the weights W =
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
        block_columns, values[order[start:stop]] = top_k(block, k)
        columns[order[start:stop]] = np.where(block_columns >= 0, order[block_columns], -1)

    with thread_map() as run:
        run.each(work, range(0, n, STEP))
    return _sparse(columns, values)


def _ratings(by_item: sp.csc_matrix, start: int, stop: int) -> tuple[NDArray[Any], ...]:
    """Return user, film (minus `start`) and weight of each rating of the films start..stop, sorted by user.

    In this order a user's row stays in the cache for all of the user's films.
    """
    first, last = by_item.indptr[start], by_item.indptr[stop]
    users = by_item.indices[first:last]
    block_rows = np.repeat(np.arange(stop - start, dtype=np.int32), np.diff(by_item.indptr[start : stop + 1]))
    by_user = np.argsort(users, kind="stable")
    return users[by_user], block_rows[by_user], by_item.data[first:last][by_user]


def _sparse(columns: NDArray[np.int32], values: NDArray[np.float32]) -> sp.csr_matrix:
    """Return the sparse matrix of these columns and values (n, k), without columns of -1 and values up to 0."""
    is_link = (columns >= 0) & (values > 0)
    indptr = np.concatenate(([0], np.cumsum(is_link.sum(axis=1))))
    matrix = sp.csr_matrix((values[is_link], columns[is_link], indptr), shape=(len(columns), len(columns)))
    matrix.sort_indices()
    return matrix


@njit(cache=True, nogil=True)
def _count(ratings: Any, by_user: Any, out: Any) -> None:
    """Add to out[b, j] the sum of w * w_uj over the ratings (u, b, w); `out` holds zeros."""
    users, block_rows, weights = ratings
    user_ptr, user_items, user_weights = by_user
    for rating in range(len(users)):
        row, weight, user = out[block_rows[rating]], weights[rating], users[rating]
        # unsigned indices need no check for negative ones
        for other in range(np.uint64(user_ptr[user]), np.uint64(user_ptr[user + 1])):
            row[np.uint64(user_items[other])] += weight * user_weights[other]


@njit(cache=True, nogil=True, error_model="numpy")
def _normalise(block: Any, scale: Any, start: int, shrinkage: np.float32) -> None:
    """Turn counts into similarities, in place; the film itself gets -inf."""
    for row in range(len(block)):
        counts, row_scale = block[row], scale[start + row]
        for column in range(len(counts)):  # without a branch: vector instructions
            count = counts[column]
            counts[column] = count * row_scale * scale[column] * (count / max(count + shrinkage, _TINY))
        counts[start + row] = -np.inf
