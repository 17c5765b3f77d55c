"""Weights of a user's ratings: how much each speaks for similar films, or against them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.schema import LEAST_STARS, MIDDLE_STARS, MOST_STARS
from recommender.scoring.specs import AlsFoldIn

Vector = NDArray[Any]


def profile_weights(stars: Vector, profile_weight: str, like: float = np.inf, dislike: float = 0.0) -> Vector:
    """Return the weight of each rating in stars; for the parameters see SimilaritySpec and ItemWeightsSpec."""
    match profile_weight:
        case "binary":
            weights = np.ones_like(stars)
        case "likes":
            weights = (stars >= like).astype(np.float32)
        case "rating":
            weights = stars / np.float32(MOST_STARS)
        case "signed":
            weights = np.where(stars >= like, 1, -dislike * depth(stars, like))
        case _:
            weights = stars - np.float32(MIDDLE_STARS)
    return np.asarray(weights, dtype=np.float32)


def confidence(spec: AlsFoldIn, stars: Vector) -> Vector:
    """Return c_i of each rating that is a like, and -d_j of each other one; see AlsFoldIn."""
    likes = spec.alpha * (spec.weight_offset + spec.weight_slope * stars)
    if spec.like is None:
        return np.asarray(likes)
    lowest = -spec.dislike * spec.alpha * (spec.weight_offset + spec.weight_slope * spec.like)
    return np.where(stars >= spec.like, likes, lowest * depth(stars, spec.like))


def depth(stars: Vector, like: float) -> Vector:
    """Return the squared distance of ratings below `like`: 0 for a like, 1 for the lowest rating of the scale.

    Squared, because who finds a film so-so still sees similar ones; who hates it does not.
    """
    return np.asarray(np.clip((like - stars) / max(like - LEAST_STARS, 1e-6), 0, 1) ** 2)
