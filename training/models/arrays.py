"""Array helpers that several algorithms share."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.blocks import with_data


def unit_rows(matrix: NDArray[Any]) -> NDArray[np.float32]:
    """Return `matrix` (n, d) with rows scaled to length 1; rows of zeros stay zero."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    scaled = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    return np.asarray(scaled, dtype=np.float32)


def tie_break(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return small numbers (n,) that order films with equal scores by `counts` (n,) and change no other order."""
    return np.asarray(1e-6 * counts / max(counts.max(initial=0), 1), dtype=np.float32)


def csr_arrays(prefix: str, matrix: sp.csr_matrix | sp.csc_matrix | sp.coo_matrix) -> dict[str, NDArray[Any]]:
    """Return a sparse `matrix` as arrays <prefix>_indptr, _indices and _data, as `scorers.sparse_array` reads them."""
    by_row = matrix.tocsr()  # the indices of another form would be read as the transpose
    return {
        f"{prefix}_indptr": by_row.indptr.astype(np.int64),
        f"{prefix}_indices": by_row.indices.astype(np.int32),
        f"{prefix}_data": by_row.data.astype(np.float32),
    }


def damped_degrees(counts: NDArray[np.int64], damping: float) -> NDArray[np.float64]:
    """Return `counts` (n,) plus `damping` times their mean over those above zero; 1 where there are none."""
    mean = counts.sum() / max(np.count_nonzero(counts), 1)
    return np.maximum(counts + damping * mean, 1e-9) if mean else np.ones(len(counts))


def normalised(user_item: sp.csr_matrix, item_degrees: NDArray[np.float64], damping: float) -> sp.csr_matrix:
    """Return the 0/1 matrix (n_users, n_movies), each entry divided by the roots of its damped degrees."""
    lengths = np.diff(user_item.indptr)
    of_user = np.repeat(damped_degrees(lengths, damping) ** -0.5, lengths)
    return with_data(user_item, of_user * (item_degrees**-0.5)[user_item.indices])
