"""Random ratings of MovieLens 25M's shape for benchmarks of fits, drawn from a model that has something to learn."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

USERS, FILMS, RATINGS = 162_541, 59_047, 25_000_095
_FACTORS = 8


def random_ratings(size: float, seed: int = 0) -> sp.csr_matrix:
    """(n_users, n_films) stars of `size` times MovieLens 25M's ratings; popularity falls as a power of the rank."""
    users, films = max(round(USERS * size), 50), max(round(FILMS * min(1.0, 4 * size)), 50)
    rng = np.random.default_rng(seed)
    n = min(round(RATINGS * size), users * films // 8)
    rows = rng.integers(0, users, n)
    columns = np.minimum((films * rng.random(n) ** 3).astype(np.int64), films - 1)
    cells = np.unique(rows * films + columns)
    rows, columns = cells // films, cells % films
    people, items = (rng.normal(0, 0.4, (m, _FACTORS)).astype(np.float32) for m in (users, films))
    taste = np.einsum("ij,ij->i", people[rows], items[columns])
    stars = np.clip(np.rint(2 * (3.5 + taste + rng.normal(0, 0.8, len(rows)))) / 2, 0.5, 5).astype(np.float32)
    matrix = sp.csr_matrix((stars, (rows, columns)), shape=(users, films))
    matrix.sort_indices()
    return matrix
