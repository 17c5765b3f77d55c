"""Ranking metrics of lists with known relevant items: all list lengths and all metrics from one pass over the hits.

m is the number of lists, K the longest list length. Padding is -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.kernels.hits import discounts

Lists = NDArray[np.int32]
Values = NDArray[np.float64]


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


def _ndcg(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.gain[:, k - 1] / sums.ideal[np.minimum(sums.relevant, k).astype(np.int64)])


def _recall(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.hits[:, k - 1] / sums.relevant)


def _recall_capped(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.hits[:, k - 1] / np.minimum(sums.relevant, k))


def _precision(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.hits[:, k - 1] / k)


def _map(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.precisions[:, k - 1] / np.minimum(sums.relevant, k))


def _map_by_relevant(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.precisions[:, k - 1] / sums.relevant)


def _mrr(sums: CumulativeHits, k: int) -> Values:
    return np.where(sums.first <= k, 1.0 / sums.first, 0.0)


def _hit_rate(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.first <= k, dtype=np.float64)


LIST_METRICS: dict[str, Callable[[CumulativeHits, int], Values]] = {
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
    order = np.lexsort((-entry_weights, rows))
    rank = np.arange(len(order)) - relevant.indptr[rows]
    is_listed = rank < longest
    ideal = np.zeros((m, longest))
    ideal[rows[is_listed], rank[is_listed]] = entry_weights[order][is_listed]
    total = np.bincount(rows, weights=entry_weights, minlength=m).astype(np.float64)
    return total, np.cumsum(ideal * discounts(longest), axis=1)
