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


def with_newcomers(
    reception: Reception, content: Matrix, regularization: float, is_new: NDArray[np.bool_]
) -> Reception:
    """Return `reception` with predictions in the rows of films without ratings; `content`: (n, c), see
    `content.known_content`; `is_new`: (n,) films that were just released.

    Counts are predicted on a log scale and brought to the mean of the observed ones; of a film that is not new and
    that yet nobody rated, fewer are expected, see `_seldom`. Stars are clipped to the observed range. Where no film has
    ratings, or all have some, `reception` comes back unchanged.
    """
    rated = reception.counts > 0
    if rated.all() or not rated.any():
        return reception
    from sklearn.linear_model import Ridge  # takes a second to import

    features = content.astype(np.float64)
    targets = np.column_stack([reception.taste, np.log1p(reception.counts), reception.stars])
    predicted = Ridge(alpha=regularization).fit(features[rated], targets[rated]).predict(features)
    expected = np.maximum(np.expm1(predicted[:, -2]), 0)
    expected *= reception.counts.sum() / max(expected[rated | ~is_new].sum(), 1e-9)
    taste, counts, stars = reception.taste.copy(), reception.counts.copy(), reception.stars.copy()
    taste[~rated] = unit_rows(predicted[~rated, :-2])
    counts[~rated] = np.where(is_new, expected, _seldom(expected, reception.counts, ~is_new | rated))[~rated]
    stars[~rated] = np.clip(predicted[~rated, -1], stars[rated].min(), stars[rated].max())
    return Reception(taste, counts, stars)


def _seldom(expected: Vector, counts: Vector, was_there: NDArray[np.bool_]) -> Vector:
    """Return how many ratings to expect in as much time again of films that were there all the time and got none.

    Counts around what content tells are taken as negative binomial: of a film of which m are expected, and which got
    none, m k / (k + m) more are (Greenwood and Yule, 1920, "An inquiry into the nature of frequency distributions").
    k is that of the films that were there, by moments.
    """
    excess = (np.square(counts - expected) - expected)[was_there].sum()
    k = np.square(expected[was_there]).sum() / max(excess, 1e-9)
    return np.asarray(expected * k / (k + expected))


def fair_gain(spec: SimilaritySpec, arrays: Arrays, asked: Vector, is_new: NDArray[np.bool_], share: float) -> float:
    """Return the factor on the scores of new films that gives them a `share` of the places in lists of similar films.

    The lists are those of known films, drawn by how often each is `asked` for, (n,). The m-th best new film takes the
    place of the (PLACES + 1 - m)-th best known one from the ratio of their scores on.
    """
    known = np.cumsum(np.where(is_new, 0, asked))
    steps = (np.arange(QUERIES) + 0.5) / QUERIES * known[-1]
    queries, weights = np.unique(np.searchsorted(known, steps), return_counts=True)
    places = min(PLACES, int(is_new.sum()), int((~is_new).sum()) - 1)
    if places < 1 or not known[-1]:
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
