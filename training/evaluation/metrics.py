"""Ranking metrics of lists with known relevant films: all list lengths and all metrics from one pass over the hits.

m is the number of lists, K the longest list length, rel(l) the number of relevant films of list l. Padding is -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Lists = NDArray[np.int32]
Values = NDArray[np.float64]


def quotient(values: NDArray[Any], counts: NDArray[Any]) -> Values:
    """`values` / `counts`, NaN where a count is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(counts > 0, values / counts, np.nan), dtype=np.float64)


def group_means(values: Values, groups: NDArray[np.int64], n: int) -> Values:
    """(n,) mean of the `values` (m,) of each of n groups, those that are NaN left out; `groups` (m,)."""
    there = ~np.isnan(values)
    count = np.bincount(groups[there], minlength=n)
    return quotient(np.bincount(groups[there], weights=values[there], minlength=n), count)


def discounts(k: int) -> Values:
    """(k,) what a hit at each rank is worth in DCG: 1 / log2(rank + 1)."""
    return 1.0 / np.log2(np.arange(2, k + 2))


class Curves:
    """What every metric is read from, at every list length at once."""

    def __init__(self, found: NDArray[np.bool_], relevant: NDArray[np.int64]) -> None:
        """`found`: (m, K) hits; `relevant`: (m,) number of relevant films, at least 1."""
        ranks = np.arange(1, found.shape[1] + 1)
        self.relevant = relevant.astype(np.float64)
        self.hits = np.cumsum(found, axis=1, dtype=np.float64)
        self.gain = np.cumsum(found * discounts(found.shape[1]), axis=1)
        self.ideal = np.concatenate(([0.0], np.cumsum(discounts(found.shape[1]))))
        self.precisions = np.cumsum(found * self.hits / ranks, axis=1)
        self.first = np.where(found.any(axis=1), found.argmax(axis=1) + 1, np.inf)


def _ndcg(curves: Curves, k: int) -> Values:
    return np.asarray(curves.gain[:, k - 1] / curves.ideal[np.minimum(curves.relevant, k).astype(np.int64)])


def _recall(curves: Curves, k: int) -> Values:
    return np.asarray(curves.hits[:, k - 1] / curves.relevant)


def _recall_capped(curves: Curves, k: int) -> Values:
    return np.asarray(curves.hits[:, k - 1] / np.minimum(curves.relevant, k))


def _precision(curves: Curves, k: int) -> Values:
    return np.asarray(curves.hits[:, k - 1] / k)


def _map(curves: Curves, k: int) -> Values:
    return np.asarray(curves.precisions[:, k - 1] / np.minimum(curves.relevant, k))


def _map_by_relevant(curves: Curves, k: int) -> Values:
    return np.asarray(curves.precisions[:, k - 1] / curves.relevant)


def _mrr(curves: Curves, k: int) -> Values:
    return np.where(curves.first <= k, 1.0 / curves.first, 0.0)


def _hit_rate(curves: Curves, k: int) -> Values:
    return np.asarray(curves.first <= k, dtype=np.float64)


LIST_METRICS: dict[str, Callable[[Curves, int], Values]] = {
    "ndcg": _ndcg,
    "recall": _recall,
    "recall_capped": _recall_capped,
    "precision": _precision,
    "map": _map,
    "map_by_relevant": _map_by_relevant,
    "mrr": _mrr,
    "hit_rate": _hit_rate,
}


def list_metrics(
    found: NDArray[np.bool_], relevant: NDArray[np.int64], ks: Sequence[int], names: Iterable[str]
) -> dict[str, Values]:
    """`<name>_at_<k>` -> (m,) for each of `names` that LIST_METRICS has; see `docs/evaluation.md` for the formulas.

    `found`: (m, K) hits with K >= max(ks); `relevant`: (m,) number of relevant films, at least 1.
    """
    curves = Curves(found, relevant)
    return {f"{name}_at_{k}": LIST_METRICS[name](curves, k) for name in names if name in LIST_METRICS for k in ks}


def weighted_metrics(
    lists: Lists, found: NDArray[np.bool_], relevant: sp.csr_matrix, weights: Values, ks: Sequence[int]
) -> dict[str, Values]:
    """Hit rate and nDCG in which finding film i is worth `weights[i]`: the share of the worth that could be found.

    `weighted_hit_rate_at_k`: sum of weights found / sum of weights of all relevant films. `weighted_ndcg_at_k`: the
    same with DCG discounts, against the best possible order. `relevant`: (m, n_movies); `weights`: (n_movies,).
    """
    gains = np.where(found, weights[np.maximum(lists, 0)], 0.0)
    summed = np.cumsum(gains, axis=1)
    discounted = np.cumsum(gains * discounts(lists.shape[1]), axis=1)
    total, ideal = _best_possible(relevant, weights, lists.shape[1])
    metrics: dict[str, Values] = {}
    for k in ks:
        metrics[f"weighted_hit_rate_at_{k}"] = summed[:, k - 1] / total
        metrics[f"weighted_ndcg_at_{k}"] = discounted[:, k - 1] / ideal[:, k - 1]
    return metrics


def _best_possible(relevant: sp.csr_matrix, weights: Values, longest: int) -> tuple[Values, Any]:
    """(m,) total weight of the relevant films, and (m, longest) the DCG of showing them heaviest first."""
    m = relevant.shape[0]
    lines = np.repeat(np.arange(m), np.diff(relevant.indptr))
    worth = weights[relevant.indices]
    order = np.lexsort((-worth, lines))
    place = np.arange(len(order)) - relevant.indptr[lines]
    shown = place < longest
    ideal = np.zeros((m, longest))
    ideal[lines[shown], place[shown]] = worth[order][shown]
    total = np.bincount(lines, weights=worth, minlength=m).astype(np.float64)
    return total, np.cumsum(ideal * discounts(longest), axis=1)
