"""Intervals of predicted ratings, whose width depends on user and film; see IntervalSpec."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.scoring.blocks import Arrays, Rows
from recommender.scoring.specs import IntervalSpec

LEVEL = 0.8  # share of the ratings that lie within their interval
_USUAL_SPREAD, _USUAL_RATINGS = 1.0, 5  # ratings of that spread that are added to a user's own

Vector = NDArray[np.float64]


def user_terms(indptr: NDArray[Any], stars: NDArray[Any]) -> tuple[Vector, Vector]:
    """Return log(1 + n) and the log of the damped spread of the ratings of each user, (b,).

    `indptr`, `stars`: those of a CSR matrix of users' ratings.
    """
    counts = np.diff(indptr)
    users = np.repeat(np.arange(len(counts)), counts)
    means = np.bincount(users, stars, len(counts)) / np.maximum(counts, 1)
    squares = np.bincount(users, (stars - means[users]) ** 2, len(counts))
    variances = (squares + _USUAL_RATINGS * _USUAL_SPREAD**2) / (counts + _USUAL_RATINGS)
    return np.log1p(counts), np.log(variances) / 2


def bounds(spec: IntervalSpec, arrays: Arrays, stars: NDArray[Any], rows: Rows, predicted: Vector) -> Vector:
    """Return the ends of the intervals, (2, k), of the `predicted` stars (k,) of the films `rows` (k,).

    `stars`: (n,) the ratings that the user gave.
    """
    activity, spread = user_terms(np.array([0, len(stars)]), stars)
    deviation = np.exp(arrays[spec.item_spread][rows] + spec.activity * activity[0] + spec.user_spread * spread[0])
    return np.stack([predicted + spec.low * deviation, predicted + spec.high * deviation])
