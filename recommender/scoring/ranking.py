"""From scores to lists: masks, top-n with ties broken by row, and diversity by maximal marginal relevance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]


def top_n(scores: Scores, n: int) -> Rows:
    """Rows of the n highest finite scores, best first; equal scores in ascending row order.

    `scores`: (n_movies,); a masked film has the score -inf and never comes back, so fewer than n rows may.
    """
    shown = np.flatnonzero(scores > -np.inf)  # partitioning is slow on an array that is mostly one value
    n = min(n, len(shown))
    if n <= 0:
        return np.empty(0, dtype=np.int64)
    values = scores[shown]
    cut = np.partition(values, len(values) - n)[len(values) - n]
    candidates = shown[values >= cut]
    order = np.lexsort((candidates, -scores[candidates]))
    return np.asarray(candidates[order[:n]])


def mask_scores(scores: Scores, allowed: NDArray[np.bool_]) -> Scores:
    """A copy in which every film that is not allowed scores -inf."""
    return np.where(allowed, scores, np.float32(-np.inf))


def diversify(candidates: Rows, scores: Scores, embedding: NDArray[np.float32], n: int, diversity: float) -> Rows:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998): n of the candidates, best first.

    `candidates`: rows, best first; `scores`: their relevance, aligned; `embedding`: (n_movies, d) unit rows in which
    likeness is the cosine; `diversity` in [0, 1]: 0 keeps the order of relevance, 1 looks at likeness alone.
    """
    if diversity <= 0 or len(candidates) <= 1:
        return candidates[:n]
    span = float(scores.max() - scores.min()) or 1.0
    relevance = (scores - scores.min()) / span
    vectors = np.asarray(embedding[candidates], dtype=np.float32)
    likeness = np.zeros(len(candidates), dtype=np.float32)
    open_ = np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(n, len(candidates))):
        value = np.where(open_, (1 - diversity) * relevance - diversity * likeness, -np.inf)
        best = int(np.argmax(value))
        chosen.append(best)
        open_[best] = False
        np.maximum(likeness, vectors @ vectors[best], out=likeness)
    return candidates[chosen]
