"""Accuracy metrics of lists, also for the least active users, and metrics of disliked items in lists.

Ranking metrics of all list lengths come from one pass over the hits. m is the number of lists, K the longest list
length. Padding is -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.kernels.hits import discounts, find_hits
from training.kernels.ordering import positions

Lists = NDArray[np.int32]
Values = NDArray[np.float64]
LEAST_ACTIVE = "least_active"
_LEAST_ACTIVE_SHARE = 0.25
_OF_LEAST_ACTIVE = ("ndcg", "recall")
DISLIKED, SHOWN_RATING, RATED_SHOWN = "disliked_share", "shown_rating", "rated_shown"


def quotient(values: NDArray[Any], counts: NDArray[Any]) -> Values:
    """Return `values` / `counts`, NaN where a count is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(counts > 0, values / counts, np.nan), dtype=np.float64)


def group_means(values: Values, groups: NDArray[np.int64], n: int) -> Values:
    """Return the mean value (n,) of each of n groups, NaN values left out; `values`, `groups`: (m,)."""
    is_number = ~np.isnan(values)
    count = np.bincount(groups[is_number], minlength=n)
    return quotient(np.bincount(groups[is_number], weights=values[is_number], minlength=n), count)


class CumulativeHits:
    """Running sums over the ranks of each list, from which every metric is read at every list length."""

    def __init__(self, hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> None:
        """Sum up `hits` (m, K); `relevant`: (m,) number of relevant items, at least 1."""
        ranks = np.arange(1, hits.shape[1] + 1)
        self.relevant = relevant.astype(np.float64)
        self.hits = np.cumsum(hits, axis=1, dtype=np.float64)
        self.gain = np.cumsum(hits * discounts(hits.shape[1]), axis=1)
        self.ideal = np.concatenate(([0.0], np.cumsum(discounts(hits.shape[1]))))
        self.precisions = np.cumsum(hits * self.hits / ranks, axis=1)
        self.first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)  # rank of the first hit


LIST_METRICS: dict[str, Callable[[CumulativeHits, int], Any]] = {
    "ndcg": lambda sums, k: sums.gain[:, k - 1] / sums.ideal[np.minimum(sums.relevant, k).astype(np.int64)],
    "recall": lambda sums, k: sums.hits[:, k - 1] / sums.relevant,
    "recall_capped": lambda sums, k: sums.hits[:, k - 1] / np.minimum(sums.relevant, k),
    "precision": lambda sums, k: sums.hits[:, k - 1] / k,
    "map": lambda sums, k: sums.precisions[:, k - 1] / np.minimum(sums.relevant, k),
    "map_by_relevant": lambda sums, k: sums.precisions[:, k - 1] / sums.relevant,
    "mrr": lambda sums, k: np.where(sums.first <= k, 1.0 / sums.first, 0.0),
    "hit_rate": lambda sums, k: (sums.first <= k).astype(np.float64),
}


def list_metrics(
    hits: NDArray[np.bool_], relevant: NDArray[np.int64], ks: Sequence[int], names: Iterable[str]
) -> dict[str, Values]:
    """Return the named ranking metrics at each list length, as `<name>_at_<k>` -> one value per list (m,).

    Names that LIST_METRICS lacks are left out; the formulas are in `docs/evaluation.md`. `hits`: (m, K) with
    K >= max(ks); `relevant`: (m,) number of relevant items, at least 1.
    """
    sums = CumulativeHits(hits, relevant)
    return {f"{name}_at_{k}": LIST_METRICS[name](sums, k) for name in names if name in LIST_METRICS for k in ks}


def weighted_metrics(
    lists: Lists, hits: NDArray[np.bool_], relevant: sp.csr_matrix, weights: Values, ks: Sequence[int]
) -> dict[str, Values]:
    """Return hit rate and nDCG with item weights, as `weighted_..._at_<k>` -> one value per list (m,).

    `weighted_hit_rate_at_k`: weight of the hits / weight of all relevant items. `weighted_ndcg_at_k`: the same with
    DCG discounts, against the best possible order. `relevant`: (m, n_movies); `weights`: (n_movies,).
    """
    gains = np.where(hits, weights[np.maximum(lists, 0)], 0.0)
    plain = np.cumsum(gains, axis=1)
    discounted = np.cumsum(gains * discounts(lists.shape[1]), axis=1)
    total, ideal = _best_possible(relevant, weights, lists.shape[1])
    metrics: dict[str, Values] = {}
    for k in ks:
        metrics[f"weighted_hit_rate_at_{k}"] = plain[:, k - 1] / total
        metrics[f"weighted_ndcg_at_{k}"] = discounted[:, k - 1] / ideal[:, k - 1]
    return metrics


def _best_possible(relevant: sp.csr_matrix, weights: Values, longest: int) -> tuple[Values, Any]:
    """Return the total weight (m,) of the relevant items, and the DCG (m, longest) of ranking them heaviest first."""
    m = relevant.shape[0]
    rows = np.repeat(np.arange(m), np.diff(relevant.indptr))
    entry_weights = weights[relevant.indices]
    ranks = positions(rows, -entry_weights)
    is_listed = ranks < longest
    ideal = np.zeros((m, longest))
    ideal[rows[is_listed], ranks[is_listed]] = entry_weights[is_listed]
    total = np.bincount(rows, weights=entry_weights, minlength=m).astype(np.float64)
    return total, np.cumsum(ideal * discounts(longest), axis=1)


def least_active(ratings: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which users (u,) are the quarter with the fewest ratings; `ratings`: (u,) number that the model saw.

    All users with as many as the last of the quarter belong to it.
    """
    if not len(ratings):
        return np.zeros(0, dtype=bool)
    return np.asarray(ratings <= np.quantile(ratings, _LEAST_ACTIVE_SHARE, method="inverted_cdf"))


def of_least_active(per_list: Mapping[str, Values], is_least_active: NDArray[np.bool_]) -> dict[str, Values]:
    """Return nDCG and recall as `least_active_<metric>_at_<k>`: the same values, NaN for all other users.

    `per_list`: metric -> one value per user (u,).
    """
    return {
        f"{LEAST_ACTIVE}_{name}": np.where(is_least_active, values, np.nan)
        for name, values in per_list.items()
        if name.partition("_at_")[0] in _OF_LEAST_ACTIVE
    }


def dislike_metrics(lists: Lists, test: sp.csr_matrix, like: float, ks: Sequence[int]) -> dict[str, Values]:
    """Return three metrics at each list length, as `<name>_at_<k>` -> one value per list (m,).

    `rated_shown_at_k`: number of items shown that the user rated in the test part. Of those, `disliked_share_at_k`: the
    share rated under `like`, and `shown_rating_at_k`: the mean rating; both NaN for a list without any. `test`:
    (m, n_movies) test ratings of each list's user.
    """
    is_rated = find_hits(lists, test)
    rows, ranks = np.nonzero(is_rated)
    ratings = np.zeros(lists.shape)
    ratings[rows, ranks] = np.asarray(test[rows, lists[rows, ranks]]).ravel()
    counts = np.cumsum(is_rated, axis=1, dtype=np.float64)
    disliked = np.cumsum(is_rated & (ratings < np.float32(like)), axis=1)
    sums = np.cumsum(ratings, axis=1)
    metrics: dict[str, Values] = {}
    for k in ks:
        count = counts[:, k - 1]
        metrics[f"{DISLIKED}_at_{k}"] = quotient(disliked[:, k - 1], count)
        metrics[f"{SHOWN_RATING}_at_{k}"] = quotient(sums[:, k - 1], count)
        metrics[f"{RATED_SHOWN}_at_{k}"] = count
    return metrics
