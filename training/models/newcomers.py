"""Taste, rating count and stars that are expected of films without ratings, predicted from their content.

Attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to these three, learnt on the films that have ratings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.scoring.blocks import Arrays
from recommender.scoring.scorers import item_scorer
from recommender.scoring.specs import SimilaritySpec
from training.kernels.topk import top_k
from training.models.arrays import unit_rows

PLACES = 20  # of a list, that known and new films compete for
QUERIES = 500  # lists that the gain of new films is chosen on
_QUERIES_AT_ONCE = 50

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

    Counts are predicted on a log scale and brought to the mean of the observed ones, stars are clipped to the observed
    range. Where no film has ratings, or all
    have some, `reception` comes back unchanged.
    """
    rated = reception.counts > 0
    if rated.all() or not rated.any():
        return reception
    from sklearn.linear_model import Ridge  # takes a second to import

    features = content.astype(np.float64)
    targets = np.column_stack([reception.taste, np.log1p(reception.counts), reception.stars])
    predicted = Ridge(alpha=regularization).fit(features[rated], targets[rated]).predict(features)
    expected, expected_counts = predicted[~rated], np.maximum(np.expm1(predicted[:, -2]), 0)
    expected_counts *= reception.counts.sum() / max(expected_counts[rated].sum(), 1e-9)
    taste, counts, stars = reception.taste.copy(), reception.counts.copy(), reception.stars.copy()
    taste[~rated] = unit_rows(expected[:, :-2])
    counts[~rated] = expected_counts[~rated]
    stars[~rated] = np.clip(expected[:, -1], stars[rated].min(), stars[rated].max())
    return Reception(taste, counts, stars)


def fair_gain(spec: SimilaritySpec, arrays: Arrays, counts: Vector, is_new: NDArray[np.bool_], share: float) -> float:
    """Return the factor on the scores of new films that gives them a `share` of the places in lists of similar films.

    The lists are those of known films, drawn evenly along all ratings; `counts`: (n,) of the known films. The m-th best
    new film takes the place of the (PLACES + 1 - m)-th best known one from the ratio of their scores on.
    """
    known = np.cumsum(np.where(is_new, 0, counts))
    steps = (np.arange(QUERIES) + 0.5) / QUERIES * known[-1]
    queries, weights = np.unique(np.searchsorted(known, steps), return_counts=True)
    places = min(PLACES, int(is_new.sum()), int((~is_new).sum()) - 1)
    if places < 1:
        return 1.0
    scorer, ratios = item_scorer(spec, arrays), []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        rows = queries[start : start + _QUERIES_AT_ONCE]
        scores = scorer.similar(rows)
        scores[np.arange(len(rows)), rows] = -np.inf
        new = top_k(scores[:, is_new], places)[1]
        best_known = top_k(scores[:, ~is_new], places)[1][:, ::-1]
        ratios.append(np.where(new > 0, np.maximum(best_known, 0) / np.maximum(new, 1e-9), np.inf))
    ordered = np.sort(np.repeat(np.concatenate(ratios), weights, axis=0).ravel())
    reachable = ordered[np.isfinite(ordered)]
    return float(reachable[min(int(share * len(ordered)), len(reachable) - 1)]) if len(reachable) else 1.0
