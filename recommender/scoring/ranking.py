"""Ranking: masks, top-n with ties broken by row, diversity by maximal marginal relevance, limits for each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.films.catalog import Catalog

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]


def top_n(scores: Scores, n: int) -> Rows:
    """Return the rows of the n highest scores, best first; equal scores in ascending row order.

    `scores`: (n_movies,); films that score -inf are left out, so fewer than n rows may be returned.
    """
    unmasked = np.flatnonzero(scores > -np.inf)  # partitioning is slow on an array that is mostly one value
    n = min(n, len(unmasked))
    if n <= 0:
        return np.empty(0, dtype=np.int64)
    values = scores[unmasked]
    threshold = np.partition(values, len(values) - n)[len(values) - n]
    candidates = unmasked[values >= threshold]
    order = np.lexsort((candidates, -scores[candidates]))
    return np.asarray(candidates[order[:n]])


def mask_scores(scores: Scores, allowed: NDArray[np.bool_]) -> Scores:
    """Return a copy of the scores with -inf for every film that is not allowed."""
    return np.where(allowed, scores, np.float32(-np.inf))


def diversify(candidates: Rows, scores: Scores, embedding: NDArray[np.float32], n: int, diversity: float) -> Rows:
    """Choose n candidates by maximal marginal relevance (Carbonell and Goldstein, 1998), best first.

    `candidates`: (c,) rows, best first; `scores`: (c,) their relevance; `embedding`: (n_movies, d) unit rows, compared
    by cosine similarity; `diversity`: 0 (order of relevance) to 1 (only dissimilar to the films chosen before).
    """
    if diversity <= 0 or len(candidates) <= 1:
        return candidates[:n]
    span = float(scores.max() - scores.min()) or 1.0
    relevance = (scores - scores.min()) / span
    vectors = np.asarray(embedding[candidates], dtype=np.float32)
    similarity = np.zeros(len(candidates), dtype=np.float32)  # to the nearest chosen film
    is_open = np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(n, len(candidates))):
        marginal_relevance = np.where(is_open, (1 - diversity) * relevance - diversity * similarity, -np.inf)
        pick = int(np.argmax(marginal_relevance))
        chosen.append(pick)
        is_open[pick] = False
        np.maximum(similarity, vectors @ vectors[pick], out=similarity)
    return candidates[chosen]


def limited(ordered: Rows, catalog: Catalog, limits: Sequence[tuple[str, int]], n: int) -> Rows:
    """Choose the first n items of which no value of a facet, such as a director, has more than its limit.

    `ordered`: (m,) rows, best first; `limits`: facets with the most items of one value. Items without values of the
    facet are not limited.
    """
    is_open = np.ones(len(catalog), dtype=bool)
    counts: Counter[tuple[str, str]] = Counter()
    chosen: list[int] = []
    for row in ordered.tolist():
        if len(chosen) == n:
            break
        if not is_open[row]:
            continue
        chosen.append(row)
        film = catalog.film(row)
        for facet, most in limits:
            for value in {value.casefold() for value in film.values(facet)}:
                counts[facet, value] += 1
                if counts[facet, value] == most:
                    is_open &= ~catalog.facets.having(facet, [value], len(catalog))
    return np.array(chosen, dtype=np.int64)
