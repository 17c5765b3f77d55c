"""Orders: of rows and columns for the processor's cache, of entries within rows and groups; evenly spaced samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def fullest_first(matrix: sp.csr_matrix) -> tuple[sp.csr_matrix, NDArray[np.int64], NDArray[np.int64]]:
    """Return `matrix` (m, n) with its fullest rows and columns first, and the old indices of rows and of columns.

    Most entries then belong to the first few rows and columns, which stay in the processor's cache.
    """
    rows = np.argsort(-np.diff(matrix.indptr), kind="stable")
    columns = np.argsort(-np.bincount(matrix.indices, minlength=matrix.shape[1]), kind="stable")
    ordered = sp.csr_matrix((matrix.data, places(columns)[matrix.indices], matrix.indptr), shape=matrix.shape)[rows]
    ordered.sort_indices()
    return ordered, rows, columns


def places(order: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the inverse of the permutation `order`: the position of each number in it, (n,)."""
    positions = np.empty(len(order), dtype=np.int32)
    positions[order] = np.arange(len(order), dtype=np.int32)
    return positions


def positions(groups: NDArray[np.integer], keys: NDArray[Any]) -> NDArray[np.int64]:
    """Return each row's position (n,) within its group by ascending key, from 0; equal keys keep row order."""
    order = np.lexsort((keys, groups))
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    result = np.empty(len(groups), dtype=np.int64)
    result[order] = np.arange(len(groups)) - starts[groups[order]]
    return result


def ranks_in_rows(matrix: sp.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row (nnz,) of each stored entry, and its rank there from 0, the largest; ties in stored order."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, positions(rows, -matrix.data)


def evenly_spaced(rows: NDArray[Any], n: int) -> NDArray[Any]:
    """Return up to n of `rows` at equal distances, the first and the last among them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(np.int64))]
