"""Sparse matrices in an order that caches like."""

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
    place = np.empty(len(columns), dtype=matrix.indices.dtype)
    place[columns] = np.arange(len(columns))
    ordered = sp.csr_matrix((matrix.data, place[matrix.indices], matrix.indptr), shape=matrix.shape)[rows]
    ordered.sort_indices()
    return ordered, rows, columns
