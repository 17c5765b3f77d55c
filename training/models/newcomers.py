"""Taste, rating count and stars that are expected of films without ratings, predicted from their content.

Attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to these three, learnt on the films that have ratings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.models.arrays import unit_rows

Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]


class Reception(NamedTuple):
    """How each film is received: by whom, how often and how well it is rated."""

    taste: Matrix  # (n, d), rows of length 1
    counts: Vector  # (n,) number of ratings
    stars: Vector  # (n,) how well it is rated


def with_newcomers(reception: Reception, content: Matrix, regularization: float) -> Reception:
    """Return `reception` with predictions in the rows of films without ratings; `content`: (n, c), see
    `content.known_content`.

    Counts are predicted on a log scale, stars are clipped to the observed range. Where no film has ratings, or all
    have some, `reception` comes back unchanged.
    """
    rated = reception.counts > 0
    if rated.all() or not rated.any():
        return reception
    from sklearn.linear_model import Ridge  # takes a second to import

    features = content.astype(np.float64)
    targets = np.column_stack([reception.taste, np.log1p(reception.counts), reception.stars])
    expected = Ridge(alpha=regularization).fit(features[rated], targets[rated]).predict(features[~rated])
    taste, counts, stars = reception.taste.copy(), reception.counts.copy(), reception.stars.copy()
    taste[~rated] = unit_rows(expected[:, :-2])
    counts[~rated] = np.maximum(np.expm1(expected[:, -2]), 0)
    stars[~rated] = np.clip(expected[:, -1], stars[rated].min(), stars[rated].max())
    return Reception(taste, counts, stars)
