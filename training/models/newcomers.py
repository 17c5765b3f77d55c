"""What films that nobody has rated yet would be like among people, told from what the films are.

Attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to what ratings tell, learnt on the films that have ratings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from training.models.arrays import unit_rows

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]


class Reception(NamedTuple):
    """What ratings tell of each film."""

    taste: Matrix  # (n, d), rows of length 1
    counts: Vector  # (n,) number of ratings
    stars: Vector  # (n,) how well it is rated


def with_newcomers(known: Reception, content: Matrix, regularization: float) -> Reception:
    """`known` with what is expected in the rows of films without ratings; `content`: (n, c).

    The expected count is that of the expected logarithm: what is usual, not the mean that a few famous films raise. No
    better or worse stars are expected than some film has. Without a film that has ratings nothing is.
    """
    rated = known.counts > 0
    if rated.all() or not rated.any():
        return known
    what = content.astype(np.float64)
    told = np.column_stack([known.taste, np.log1p(known.counts), known.stars])
    expected = Ridge(alpha=regularization).fit(what[rated], told[rated]).predict(what[~rated])
    taste, counts, stars = known.taste.copy(), known.counts.copy(), known.stars.copy()
    taste[~rated] = unit_rows(expected[:, :-2])
    counts[~rated] = np.maximum(np.expm1(expected[:, -2]), 0)
    stars[~rated] = np.clip(expected[:, -1], stars[rated].min(), stars[rated].max())
    return Reception(taste, counts, stars)
