"""Lists for people who like nothing: the films most like those that they hate come last."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.specs import UserSpec, like_of
from recommender.scoring.weights import depth

HATED = 0.5  # `depth` of a dislike from which on films like it are avoided: 1.5 stars where 4 are a like
AVOIDED = 10  # films most similar to a hated one


def without_hated(
    scores: NDArray[np.float32], spec: UserSpec, stars: sp.csr_matrix, neighbours: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return the scores (n,) of a person with the ratings `stars` (1, n), those of avoided films below all others.

    Dislikes alone say little of what to show, and their sum may still be high for a film like one of the hated. Whoever
    likes a film, and a scorer that takes every rating for a like, avoids none. `neighbours`: (n, k) the rows of films
    most similar to each, padded with -1.
    """
    like = like_of(spec)
    if like is None or not stars.nnz or stars.data.max() >= like:
        return scores
    hated = stars.indices[depth(stars.data, like) >= HATED]
    avoided = np.unique(neighbours[hated, :AVOIDED])
    lowered = scores.copy()
    lowered[avoided[avoided >= 0]] -= 1 + scores.max() - scores.min()
    return lowered
