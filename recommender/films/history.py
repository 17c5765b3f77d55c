"""The rating history of every user as memory-mapped compressed rows (CSR).

Array names start with `history_`: `indptr` (n_users + 1), `movies` (n_ratings,) item rows, ascending within a user,
and either `positions` (n_ratings,), each rating's position on the scale (1 for its minimum), or `weights` (n_ratings,)
float32 of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.feedback import MOVIELENS, Feedback


class History:
    """The ratings, or weights of events, of each user of the training data."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], n_movies: int, feedback: Feedback = MOVIELENS) -> None:
        self._indptr = arrays["history_indptr"]
        self._movies = arrays["history_movies"]
        self._stored = arrays["history_positions" if feedback.has_ratings else "history_weights"]
        self._scale = feedback.at(np.arange(feedback.positions_count + 1)).astype(np.float32)
        self._n_movies = n_movies
        self._has_ratings = feedback.has_ratings

    def __len__(self) -> int:
        return len(self._indptr) - 1

    def ratings(self, user_rows: NDArray[np.int64]) -> sp.csr_matrix:
        """Return the ratings or weights (b, n_movies) of the users at rows `user_rows` (b,)."""
        starts = np.asarray(self._indptr[user_rows], dtype=np.int64)
        lengths = np.asarray(self._indptr[user_rows + 1], dtype=np.int64) - starts
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        positions = np.repeat(starts - indptr[:-1], lengths) + np.arange(indptr[-1])
        data = self._ratings(self._stored[positions])
        return sp.csr_matrix((data, self._movies[positions], indptr), shape=(len(user_rows), self._n_movies))

    def _ratings(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        return np.take(self._scale, stored, mode="clip") if self._has_ratings else stored


def encode_history(user_item: sp.csr_matrix, feedback: Feedback = MOVIELENS) -> dict[str, NDArray[Any]]:
    """Return the arrays of a history, given the (n_users, n_movies) matrix of ratings or weights."""
    matrix = user_item.tocsr()
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    return {
        "history_indptr": matrix.indptr,
        "history_movies": matrix.indices.astype(np.int32, copy=False),
        **_encode_values(matrix.data, feedback),
    }


def _encode_values(values: NDArray[np.float32], feedback: Feedback) -> dict[str, NDArray[Any]]:
    if not feedback.has_ratings:
        return {"history_weights": values.astype(np.float32)}
    smallest = np.min_scalar_type(feedback.positions_count)
    return {"history_positions": feedback.positions(values).astype(smallest)}
