"""EASE for large catalogues: each film's weights from a regression on the films most like it, so that B is sparse."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.blocks import with_data
from training.kernels.cooccurrence import cooccurrence_top_k
from training.kernels.ordering import ranks_in_rows
from training.kernels.regressions import regress_columns

ENTRIES = 400  # of the Gram matrix that are kept for each film: memory grows with their number
PREDICTORS = 150  # films that speak for a film


def sparse_weights(user_item: sp.csr_matrix, scale: NDArray[np.float32], regularization: float) -> sp.csr_matrix:
    """Return B (n, n) of EASE, for X = `user_item` diag(`scale`), with at most PREDICTORS entries in each column.

    Column j minimises |x_j - X_S b|^2 + regularization |b|^2 over the films S with the highest cosine to j, after
    Steck (2019), "Markov random fields for collaborative filtering". The films' scale is taken off again.
    """
    n = user_item.shape[1]
    squares = np.asarray(user_item.multiply(user_item).sum(axis=0), dtype=np.float32).ravel()
    cosines = cooccurrence_top_k(user_item, min(ENTRIES, n - 1), exponent=0.5, shrinkage=0.0)
    predictors = _strongest(cosines, min(PREDICTORS, n - 1))
    lengths = np.sqrt(squares) * scale
    cosines = cosines.maximum(cosines.T).tocsr()
    products = np.repeat(lengths, np.diff(cosines.indptr)) * lengths[cosines.indices]
    gram = with_data(cosines, cosines.data * products)
    weights = regress_columns(gram, lengths**2, predictors, regularization)
    columns, places = np.nonzero((predictors >= 0) & (weights != 0))
    rows = predictors[columns, places]
    values = weights[columns, places] * scale[rows] / scale[columns]
    return sp.csr_matrix((values, (rows, columns)), shape=(n, n))


def _strongest(matrix: sp.csr_matrix, k: int) -> NDArray[np.int32]:
    """Return the columns (n, k) of the highest entries of each row, ties by column; -1 where there are fewer."""
    columns = np.full((matrix.shape[0], k), -1, dtype=np.int32)
    rows, ranks = ranks_in_rows(matrix)
    is_kept = ranks < k
    columns[rows[is_kept], ranks[is_kept]] = matrix.indices[is_kept]
    return columns
