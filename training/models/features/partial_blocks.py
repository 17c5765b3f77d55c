"""Blocks of the movie-tag matrix that many films lack, and what the other blocks tell of them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.datasets.dataset import TagMatrix

COMMON = 0.9  # share of the films from which on a block counts as complete

Matrix = NDArray[np.float32]


def split_by_coverage(tags: TagMatrix) -> tuple[sp.csr_matrix, dict[str, sp.csr_matrix]]:
    """Return the columns of the blocks that nearly all films have, and by name every other block that is not empty.

    Where no block is that common, the most common ones take their place.
    """
    blocks = {name: tags.matrix[:, start:stop] for name, (start, stop) in tags.blocks.items()}
    coverage = {name: float((np.diff(block.indptr) > 0).mean()) for name, block in blocks.items() if block.nnz}
    least = min(COMMON, max(coverage.values(), default=0.0))
    partial = [name for name, share in coverage.items() if share < least]
    if not partial:
        return tags.matrix, {}
    common = sp.hstack([block for name, block in blocks.items() if name not in partial], format="csr")
    return common, {name: blocks[name] for name in partial}


def residuals(base: Matrix, factors: Matrix, has: NDArray[np.bool_], regularization: float) -> Matrix:
    """Return what `factors`, (k, d) of the k films that have a block, add to the `base` (n, c) of all films: (n, d).

    That is their difference from a ridge prediction from the base; rows of films without the block are zero, the
    expected difference. What is predicted is left to the base, which keeps its scale: so the differences are made
    smaller, by sqrt(v / (v + e)) with the variance v of the base and e of the prediction.
    """
    from sklearn.linear_model import Ridge  # takes a second to import

    features = base[has].astype(np.float64)
    expected = Ridge(alpha=regularization).fit(features, factors).predict(features).reshape(factors.shape)
    variance, explained = features.var(axis=0).sum(), expected.var(axis=0).sum()
    result = np.zeros((len(base), factors.shape[1]), dtype=np.float32)
    result[has] = (factors - expected) * np.sqrt(variance / (variance + explained) if explained else 1.0)
    return result
