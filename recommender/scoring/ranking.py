"""Ranking: masks, top-n with ties broken by row, diversity by maximal marginal relevance, limits for each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.films.catalog import Catalog

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]

PER_PLACE, NEAREST, FURTHEST = 10, 100, 1000  # candidates of a diverse list: for each place, at least, at most


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


def diversified(candidates: Rows, scores: Scores, embedding: NDArray[np.float32], diversity: float) -> Iterator[int]:
    """Give the candidates by maximal marginal relevance (Carbonell and Goldstein, 1998), best first.

    `candidates`: (c,) rows, best first; `scores`: (c,) their relevance; `embedding`: (n_movies, d) unit rows, compared
    by cosine similarity; `diversity`: 0 (order of relevance) to 1 (only dissimilar to the films chosen before).
    The k-th is chosen among the best PER_PLACE * k, at least NEAREST, so that a longer list begins as a shorter one.
    """
    if not len(candidates):
        return
    nearest = scores[:NEAREST]
    relevance = (scores - nearest.min()) / (float(nearest.max() - nearest.min()) or 1.0)
    vectors = np.asarray(embedding[candidates], dtype=np.float32)
    similarity = np.zeros(len(candidates), dtype=np.float32)  # to the nearest chosen film
    is_open = np.ones(len(candidates), dtype=bool)
    for place in range(1, len(candidates) + 1):
        reach = candidates_for(place)
        marginal_relevance = (1 - diversity) * relevance[:reach] - diversity * similarity[:reach]
        pick = int(np.argmax(np.where(is_open[:reach], marginal_relevance, -np.inf)))
        yield int(candidates[pick])
        is_open[pick] = False
        # Unlike BLAS, einsum gives a row the same digits whatever rows are beside it.
        np.maximum(similarity, np.einsum("ij,j->i", vectors, vectors[pick]), out=similarity)


def candidates_for(n: int) -> int:
    """Return how many candidates the first n places of a diverse list are chosen among."""
    return min(max(NEAREST, PER_PLACE * n), FURTHEST)


def limited(ordered: Iterable[int], catalog: Catalog, limits: Sequence[tuple[str, int]]) -> Iterator[int]:
    """Yield items in order, skipping those with a facet value (such as a director) that has reached its limit.

    `ordered`: rows, best first; `limits`: facets with the most items of one value. Items without values of the facet
    are not limited.
    """
    is_open = np.ones(len(catalog), dtype=bool)
    counts: Counter[tuple[str, str]] = Counter()
    for row in ordered:
        if not is_open[row]:
            continue
        yield row
        film = catalog.film(row)
        for facet, most in limits:
            for value in {value.casefold() for value in film.values(facet)}:
                counts[facet, value] += 1
                if counts[facet, value] == most:
                    is_open &= ~catalog.facets.having(facet, [value], len(catalog))
