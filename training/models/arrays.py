"""Array helpers that several algorithms share."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def unit_rows(matrix: NDArray[Any]) -> NDArray[np.float32]:
    """Return `matrix` (n, d) with rows scaled to length 1; rows of zeros stay zero."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    scaled = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    return np.asarray(scaled, dtype=np.float32)


def tie_break(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return numbers (n,) that order films with equal scores by `counts` (n,), and are lost beside any other score."""
    return np.asarray(1e-6 * counts / max(counts.max(initial=0), 1), dtype=np.float32)


def csr_arrays(prefix: str, matrix: sp.csr_matrix | sp.csc_matrix | sp.coo_matrix) -> dict[str, NDArray[Any]]:
    """Return a sparse `matrix` as arrays <prefix>_indptr, _indices and _data, as `scorers.sparse_array` reads them."""
    by_row = matrix.tocsr()  # the indices of another form would be read as the transpose
    return {
        f"{prefix}_indptr": by_row.indptr.astype(np.int64),
        f"{prefix}_indices": by_row.indices.astype(np.int32),
        f"{prefix}_data": by_row.data.astype(np.float32),
    }
