"""What films that nobody has rated yet would be like among people, told from what the films are.

Attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to what ratings tell, learnt on the films that have ratings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

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
    what, told = content.astype(np.float64), np.column_stack([taste[rated], np.log1p(counts[rated])])
    expected = Ridge(alpha=regularization).fit(what[rated], told).predict(what[~rated])
    full, usual = taste.copy(), counts.astype(np.float64)
    full[~rated] = unit_rows(expected[:, :-1])
    usual[~rated] = np.maximum(np.expm1(expected[:, -1]), 0)
    return full, usual
