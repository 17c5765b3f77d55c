"""Steering and preferences: what is added to the scores of the best films, so that a list leans one way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.films.catalog import Catalog
from recommender.films.extras import Extras
from recommender.scoring.ranking import top_n
from recommender.wanted import Wanted

TILTED_POOL = 300  # best films, which steering and preferences reorder
STEERING = "the tags asked for"


def tilted(
    masked: NDArray[np.float32], options: Wanted, extras: Extras | None, catalog: Catalog
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Return scores with steering and preferences added, and what each added: -inf outside the best TILTED_POOL.

    Within them the additions can outweigh all differences of the scores: "like Heat, less violent" stays like Heat.
    A sum of score and weight x value has the greater mean value the greater the weight is, in lists of any length.
    """
    if not options.is_tilted:
        return masked, {}
    pool = top_n(masked, TILTED_POOL)
    span = np.float32(masked[pool[0]] - masked[pool[-1]] if len(pool) else 0)
    tilted = np.full(len(masked), -np.inf, dtype=np.float32)
    tilted[pool] = masked[pool]
    added = {}
    for name, shares in _additions(pool, span, options, extras, catalog).items():
        added[name] = np.zeros(len(masked), dtype=np.float32)
        added[name][pool] = shares
        tilted += added[name]
    return tilted, added


def _additions(
    pool: NDArray[np.int64], span: np.float32, options: Wanted, extras: Extras | None, catalog: Catalog
) -> dict[str, NDArray[np.float32]]:
    """Return what steering and each preference add to the films of the pool (k,), at most `span` up or down."""
    additions: dict[str, NDArray[np.float32]] = {}
    if options.steer and extras:
        fit = extras.feature_scores(dict(options.steer))[pool]
        additions[STEERING] = fit * (span / max(float(np.abs(fit).max(initial=0)), 1e-12))
    if options.popularity:
        additions["popularity"] = span * np.float32(options.popularity) * _in_unit(catalog.counts[pool])
    if options.recency:
        years = catalog.years[pool].astype(np.float64)
        years[years == 0] = years[years > 0].mean() if years.any() else 0  # an unknown year says nothing
        additions["recency"] = span * np.float32(options.recency) * _in_unit(years)
    return additions


def _in_unit(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values (k,) mapped linearly to 0 for the least and 1 for the greatest."""
    if not len(values):
        return np.empty(0, dtype=np.float32)
    shifted = np.asarray(values, dtype=np.float64) - values.min()
    return np.asarray(shifted / (shifted.max() or 1.0), dtype=np.float32)
