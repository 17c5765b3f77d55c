"""Which places of ranked lists show a relevant film."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray


def find_hits(lists: NDArray[np.int32], relevant: sp.csr_matrix) -> NDArray[np.bool_]:
    """(m, k) True where a list shows one of its relevant films.

    `lists`: (m, k) film rows, padded with -1; `relevant`: (m, n_movies), indices sorted within each row.
    """
    assert relevant.has_sorted_indices, "the look-up halves sorted rows"
    found = np.empty(lists.shape, dtype=np.bool_)
    _find_hits(np.ascontiguousarray(lists), relevant.indptr, relevant.indices, found)
    return found


@njit(cache=True, nogil=True)
def _find_hits(lists: Any, indptr: Any, indices: Any, found: Any) -> None:
    for line in range(len(lists)):
        for place in range(lists.shape[1]):
            film, low, high = lists[line, place], indptr[line], indptr[line + 1]
            while low < high:
                middle = (low + high) // 2
                if indices[middle] < film:
                    low = middle + 1
                else:
                    high = middle
            found[line, place] = low < indptr[line + 1] and indices[low] == film
