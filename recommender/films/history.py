"""The rating history of every user as memory-mapped compressed rows (CSR).

Array names start with `history_`: `indptr` (n_users + 1), `movies` (n_ratings,) int32 film rows, ascending within a
user, and `half_stars` (n_ratings,) uint8, twice the rating.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


class History:
    """The ratings of each user of the training data."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], n_movies: int) -> None:
        self._indptr = arrays["history_indptr"]
        self._movies = arrays["history_movies"]
        self._half_stars = arrays["history_half_stars"]
        self._n_movies = n_movies

    def __len__(self) -> int:
        return len(self._indptr) - 1

    def ratings(self, user_rows: NDArray[np.int64]) -> sp.csr_matrix:
        """Return the ratings in stars (b, n_movies) of the users at rows `user_rows` (b,)."""
        starts = np.asarray(self._indptr[user_rows], dtype=np.int64)
        lengths = np.asarray(self._indptr[user_rows + 1], dtype=np.int64) - starts
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        positions = np.repeat(starts - indptr[:-1], lengths) + np.arange(indptr[-1])
        data = self._half_stars[positions].astype(np.float32) / 2
        return sp.csr_matrix((data, self._movies[positions], indptr), shape=(len(user_rows), self._n_movies))


def encode_history(user_item: sp.csr_matrix) -> dict[str, NDArray[Any]]:
    """Return the arrays of a history, given the (n_users, n_movies) matrix of ratings in stars."""
    matrix = user_item.tocsr()
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    return {
        "history_indptr": matrix.indptr,
        "history_movies": matrix.indices.astype(np.int32, copy=False),
        "history_half_stars": np.rint(matrix.data * 2).astype(np.uint8),
    }
