"""Make a list of scored films: steer by tags, order by score or diversity, limit values, prefer; then cut the page.

Each step takes the whole list before it, and none depends on how many films are asked for. So a list begins as every
shorter one, and pages are its pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.films.catalog import Catalog
from recommender.films.extras import Extras
from recommender.scoring.ranking import Rows, Scores, candidates_for, diversified, limited, top_n
from recommender.wanted import Ranked, Wanted

POOL = 300  # best films, which steering and preferences reorder
STEERING = "the tags asked for"


def make_list(
    scores: Scores, options: Wanted, catalog: Catalog, extras: Extras | None, embedding: NDArray[np.float32] | None
) -> Ranked:
    """Return the asked page of the films with the best `scores` (n_movies,), without those of -inf.

    `embedding`: (n_movies, d) unit rows, by which diversity compares films; without it there is none.
    """
    span = _span(scores)
    steered, added = _steered(scores, span, options, extras)
    rows = _in_order(steered, options, catalog, embedding)
    pool = np.fromiter(islice(rows, _depth(options)), dtype=np.int64)
    shares = {name: values[pool] for name, values in added.items()}
    preferences = _preferences(pool, span, options, catalog)
    places = _preferred(pool, steered[pool], preferences)[options.page]
    total = _sum(steered[pool], preferences)
    return Ranked(pool[places], total[places], {name: share[places] for name, share in (shares | preferences).items()})


def _depth(options: Wanted) -> int:
    """Return how many of the best films decide on the page."""
    return POOL if options.prefers else options.page.stop


def _span(scores: Scores) -> np.float32:
    """Return how far the scores of the best films lie apart."""
    best = scores[top_n(scores, POOL)]
    return np.float32(best[0] - best[-1] if len(best) else 0)


def _steered(
    scores: Scores, span: np.float32, options: Wanted, extras: Extras | None
) -> tuple[Scores, dict[str, Scores]]:
    """Return scores with the share of the tags added (at most `span` up or down), and that share by name.

    Within them it can outweigh all differences of the scores: "like Heat, less violent" stays like Heat.
    """
    if not options.steer or extras is None:
        return scores, {}
    pool = top_n(scores, POOL)
    fit = extras.feature_scores(dict(options.steer))[pool]
    share = np.full(len(scores), -np.inf, dtype=np.float32)
    share[pool] = fit * (span / max(float(np.abs(fit).max(initial=0)), 1e-12))
    return scores + share, {STEERING: share}


def _in_order(
    scores: Scores, options: Wanted, catalog: Catalog, embedding: NDArray[np.float32] | None
) -> Iterator[int]:
    """Give the rows of the best films that the limits admit, by score or by diversity."""
    depth = len(scores) if options.limits else _depth(options)
    if options.diversity and embedding is not None:
        candidates = top_n(scores, candidates_for(depth))
        rows = diversified(candidates, scores[candidates], embedding, options.diversity)
    else:
        rows = iter(top_n(scores, depth).tolist())
    return limited(rows, catalog, options.limits) if options.limits else rows


def _preferences(pool: Rows, span: np.float32, options: Wanted, catalog: Catalog) -> dict[str, Scores]:
    """Return the score (k,) that each preference adds to the films of the pool, at most `span` up or down."""
    preferences: dict[str, Scores] = {}
    if options.popularity:
        preferences["popularity"] = span * np.float32(options.popularity) * _in_unit(catalog.counts[pool])
    if options.recency:
        years = catalog.years[pool].astype(np.float64)
        years[years == 0] = years[years > 0].mean() if years.any() else 0  # an unknown year says nothing
        preferences["recency"] = span * np.float32(options.recency) * _in_unit(years)
    return preferences


def _preferred(pool: Rows, scores: Scores, preferences: dict[str, Scores]) -> NDArray[np.int64]:
    """Return the positions (k,) of the pool's films, ordered by `scores` (k,) and preferences together.

    A place in the pool counts as much as the score that would stand there. Pool and places do not depend on the
    preferences, so the mean of what is preferred grows with its weight in the first films, however many are taken.
    """
    if not preferences:
        return np.arange(len(pool))
    return np.lexsort((pool, -_sum(np.sort(scores)[::-1], preferences)))


def _sum(scores: Scores, preferences: dict[str, Scores]) -> Scores:
    for share in preferences.values():
        scores = scores + share
    return scores


def _in_unit(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values (k,) mapped linearly to 0 for the least and 1 for the greatest."""
    if not len(values):
        return np.empty(0, dtype=np.float32)
    shifted = np.asarray(values, dtype=np.float64) - values.min()
    return np.asarray(shifted / (shifted.max() or 1.0), dtype=np.float32)
