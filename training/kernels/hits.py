"""Mark the relevant films in ranked lists, and weigh their ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray


def find_hits(lists: NDArray[np.int32], relevant: sp.csr_matrix) -> NDArray[np.bool_]:
    """Return (m, k) booleans: True where a ranked list holds one of its relevant films.

    `lists`: (m, k) film rows, padded with -1; `relevant`: (m, n_movies), indices sorted within each row.
    """
    assert relevant.has_sorted_indices, "expected sorted indices for the binary search"
    is_hit = np.empty(lists.shape, dtype=np.bool_)
    _find_hits(np.ascontiguousarray(lists), relevant.indptr, relevant.indices, is_hit)
    return is_hit


def discounts(k: int) -> NDArray[np.float64]:
    """Return the DCG discount (k,) of each rank: 1 / log2(rank + 1)."""
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


@njit(cache=True, nogil=True)
def _find_hits(lists: Any, indptr: Any, indices: Any, is_hit: Any) -> None:
    for row in range(len(lists)):
        for rank in range(lists.shape[1]):
            film, low, high = lists[row, rank], indptr[row], indptr[row + 1]
            while low < high:
                middle = (low + high) // 2
                if indices[middle] < film:
                    low = middle + 1
                else:
                    high = middle
            is_hit[row, rank] = low < indptr[row + 1] and indices[low] == film
