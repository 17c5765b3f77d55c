"""What films that nobody has rated yet would be like among people, told from what the films are.

Attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to what ratings tell, learnt on the films that have ratings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.models.arrays import unit_rows

Matrix = NDArray[np.float32]


def with_newcomers(
    taste: Matrix, counts: NDArray[np.int64], content: Matrix, regularization: float
) -> tuple[Matrix, NDArray[np.float64]]:
    """`taste` (n, d) and `counts` (n,) with the expected ones in the rows of films without ratings.

    `taste` has rows of length 1, and so have the expected ones; `content`: (n, c). The expected count is that of the
    expected logarithm: what is usual, not the mean that a few famous films raise.
    """
    rated = counts > 0
    if rated.all():
        return taste, counts.astype(np.float64)
    told = np.column_stack([taste[rated], np.log1p(counts[rated])])
    expected = _expected(content[rated], told, content[~rated], regularization)
    full, usual = taste.copy(), counts.astype(np.float64)
    full[~rated] = unit_rows(expected[:, :-1])
    usual[~rated] = np.maximum(np.expm1(expected[:, -1]), 0)
    return full, usual


def _expected(known: NDArray[Any], told: NDArray[Any], new: NDArray[Any], regularization: float) -> NDArray[np.float64]:
    """Ridge regression of `told` (r, t) on `known` (r, c), the mean left alone, at `new` (m, c)."""
    mean, middle = told.mean(axis=0), known.mean(axis=0, dtype=np.float64)
    centred = known - middle
    system = centred.T @ centred + regularization * np.eye(known.shape[1])
    return np.asarray(mean + (new - middle) @ np.linalg.solve(system, centred.T @ (told - mean)))
