"""An order that caches like, for rows and columns of sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def fullest_first(matrix: sp.csr_matrix) -> tuple[sp.csr_matrix, NDArray[np.int64], NDArray[np.int64]]:
    """`matrix` (m, n) with its fullest rows and columns first, and the old numbers of its rows (m,) and columns (n,).

    Most entries then lead to the first few rows and columns, which lie together and stay in the processor's cache.
    """
    rows = np.argsort(-np.diff(matrix.indptr), kind="stable")
    columns = np.argsort(-np.bincount(matrix.indices, minlength=matrix.shape[1]), kind="stable")
    ordered = sp.csr_matrix((matrix.data, places(columns)[matrix.indices], matrix.indptr), shape=matrix.shape)[rows]
    ordered.sort_indices()
    return ordered, rows, columns


def places(order: NDArray[np.int64]) -> NDArray[np.int32]:
    """(n,) where in `order` (n,), a permutation, each number stands."""
    found = np.empty(len(order), dtype=np.int32)
    found[order] = np.arange(len(order), dtype=np.int32)
    return found
