"""Metric values of a model on a split: of lists for users, of lists of similar items, or of predicted ratings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model
from recommender.scoring.blocks import with_data
from training.datasets.features.tag_matrix import unit_rows
from training.evaluation import beyond, ratings
from training.evaluation.lists import Queries, similar_lists, user_lists
from training.evaluation.metrics import (
    DISLIKED,
    LEAST_ACTIVE,
    Lists,
    Values,
    dislike_metrics,
    group_means,
    least_active,
    list_metrics,
    of_least_active,
    weighted_metrics,
)
from training.evaluation.significance import Interval, resampling_weights, standard_error_interval
from training.kernels.hits import find_hits
from training.progress import Progress
from training.splits.protocol import ProtocolConfig

Rows = NDArray[np.int64]
PerUser = dict[str, Values]
_SET_DRAWS = 200  # resamples of a whole set of lists


@dataclass(frozen=True)
class SplitMatrices:
    """A split as matrices (n_users, n_movies) of ratings, or weights of events."""

    train: sp.csr_matrix
    history: sp.csr_matrix  # what the model sees of the test users
    folded: bool  # the model knows them by that history alone
    masked: sp.csr_matrix  # items that a user's list leaves out
    test: sp.csr_matrix
    relevant: sp.csr_matrix  # the test ratings that make an item relevant
    queries: sp.csr_matrix | None  # item to item: the query items of each user
    tags: sp.csr_matrix  # (n_movies, n_features)
    like: float | None = None  # rating from which on a test item is liked; None for events

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """Return the number of training ratings of each item (n_movies,)."""
        return np.bincount(self.train.indices, minlength=self.train.shape[1])

    @cached_property
    def users(self) -> Rows:
        """Return the rows (u,) of the users with a relevant test item."""
        return np.flatnonzero(np.diff(self.relevant.indptr))

    @cached_property
    def catalog_stats(self) -> beyond.CatalogStats:
        """Return the items' statistics for metrics beyond accuracy."""
        raters = int(np.count_nonzero(np.diff(self.train.indptr)))
        return beyond.CatalogStats(self.popularity, raters, unit_rows(self.tags))

    @cached_property
    def user_stats(self) -> beyond.CatalogStats:
        """Return the same with the histories of `users`."""
        history = self.history[self.users]
        is_rated = with_data(history, np.ones(history.nnz))
        counts = np.maximum(np.diff(history.indptr), 1)
        return replace(self.catalog_stats, history_popularity=(is_rated @ self.popularity) / counts)


@dataclass(frozen=True)
class Measurements:
    """Metric values of one model on one split, before bootstrap intervals per user are added."""

    users: Rows  # (u,) user rows
    per_user: PerUser
    overall: dict[str, float]
    bounds: dict[str, Interval] = field(default_factory=dict)  # intervals of overall values
    arrays: PerUser = field(default_factory=dict)


def measure_user_lists(
    model: Model, matrices: SplitMatrices, protocol: ProtocolConfig, seed: int, progress: Progress
) -> Measurements:
    """Measure recommendation lists of users with a relevant test item, and predicted ratings of all test users.

    What users dislike is measured on the lists of all test users: who likes nothing may be shown the worst.
    """
    tested = np.flatnonzero(np.diff(matrices.test.indptr))
    users = matrices.users
    rows = np.searchsorted(tested, users)
    like = matrices.like if DISLIKED in protocol.metrics else None
    listed = users if like is None else tested
    all_lists = user_lists(
        model, listed, matrices.history, matrices.masked, max(protocol.k), folded=matrices.folded, progress=progress
    )
    lists = all_lists if like is None else all_lists[rows]
    relevant = matrices.relevant[users]
    per_list = list_metrics(find_hits(lists, relevant), np.diff(relevant.indptr), protocol.k, protocol.metrics)
    per_list |= _beyond_accuracy(lists, matrices.user_stats, protocol)
    overall: dict[str, float] = {"users": len(users), "users_without_relevant": len(tested) - len(users)}
    if LEAST_ACTIVE in protocol.metrics:
        is_least_active = least_active(np.diff(matrices.history.indptr)[users])
        per_list |= of_least_active(per_list, is_least_active)
        overall[f"{LEAST_ACTIVE}_users"] = int(is_least_active.sum())
    per_user = {name: _scatter(values, rows, len(tested)) for name, values in per_list.items()}
    if like is not None:
        per_user |= dislike_metrics(all_lists, matrices.test[tested], like, protocol.k)
    rating_values, arrays = _measure_ratings(model, matrices, protocol, tested)
    whole_set, bounds = _measure_whole_set(lists, np.arange(len(users)), len(users), matrices, protocol, seed)
    arrays |= _exposure_arrays(lists, matrices, protocol)
    return Measurements(tested, per_user | rating_values, whole_set | overall, bounds, arrays)


def measure_similar_lists(
    model: Model, matrices: SplitMatrices, protocol: ProtocolConfig, seed: int, progress: Progress
) -> Measurements:
    """Measure lists of items similar to items that users like, with and without the items they had rated."""
    assert matrices.queries is not None, "the split of an item-to-item protocol names its queries"
    by_item = matrices.queries.T.tocsr()
    by_item.sort_indices()
    queries = Queries(by_item.indices.astype(np.int64), np.repeat(np.arange(by_item.shape[0]), np.diff(by_item.indptr)))
    users, owners = np.unique(queries.users, return_inverse=True)
    lists = similar_lists(model, queries, matrices.masked, max(protocol.k), progress)
    item_row = np.searchsorted(lists.items, queries.items)  # of each query, in the lists per distinct item
    unmasked = lists.unmasked[item_row]
    relevant = matrices.relevant[queries.users]
    per_query = _accuracy(unmasked, relevant, matrices, protocol)
    masked_accuracy = _accuracy(lists.masked, relevant, matrices, protocol)
    per_query |= {f"masked_{name}": values for name, values in masked_accuracy.items()}
    per_query |= _chance(queries, matrices, protocol)
    per_item = _beyond_accuracy(lists.unmasked, matrices.catalog_stats, protocol)
    per_query |= {name: values[item_row] for name, values in per_item.items()}
    per_user = {name: group_means(values, owners, len(users)) for name, values in per_query.items()}
    overall, bounds = _measure_whole_set(unmasked, owners, len(users), matrices, protocol, seed)
    overall |= {"users": len(users), "queries": len(queries.items)}
    if "new_films" in protocol.metrics:
        overall["new_films_in_catalogue"] = float((matrices.popularity == 0).mean())
    return Measurements(users, per_user, overall, bounds, _exposure_arrays(unmasked, matrices, protocol))


def measure_predicted_ratings(
    model: Model, matrices: SplitMatrices, protocol: ProtocolConfig, seed: int, progress: Progress
) -> Measurements:
    """Measure predicted ratings of all test users; no lists are made."""
    tested = np.flatnonzero(np.diff(matrices.test.indptr))
    per_user, arrays = _measure_ratings(model, matrices, protocol, tested)
    return Measurements(tested, per_user, {"users": len(tested)}, arrays=arrays)


def _accuracy(lists: Lists, relevant: sp.csr_matrix, matrices: SplitMatrices, protocol: ProtocolConfig) -> PerUser:
    """Return the protocol's ranking metrics of each list, with and without popularity weights."""
    hits = find_hits(lists, relevant)
    metrics = list_metrics(hits, np.diff(relevant.indptr), protocol.k, protocol.metrics)
    weights = 1.0 / np.maximum(matrices.popularity, 1)
    weighted = weighted_metrics(lists, hits, relevant, weights, protocol.k)
    return metrics | {
        name: values for name, values in weighted.items() if name.rpartition("_at_")[0] in protocol.metrics
    }


def _chance(queries: Queries, matrices: SplitMatrices, protocol: ProtocolConfig) -> PerUser:
    """Return the hit rate of random lists per query, drawn from all other items and from the unmasked ones."""
    if "chance_hit_rate" not in protocol.metrics:
        return {}
    relevant = np.diff(matrices.relevant.indptr)[queries.users]
    other_items = np.full(len(relevant), matrices.train.shape[1] - 1)
    unmasked = other_items + 1 - np.diff(matrices.masked.indptr)[queries.users]  # the query is one of the masked items
    return {
        f"{prefix}chance_hit_rate_at_{k}": beyond.chance_hit_rate(candidates, relevant, k)
        for prefix, candidates in (("", other_items), ("masked_", unmasked))
        for k in protocol.k
    }


def _beyond_accuracy(lists: Lists, stats: beyond.CatalogStats, protocol: ProtocolConfig) -> PerUser:
    return {
        f"{name}_at_{k}": beyond.PER_LIST[name](lists[:, :k], stats)
        for name in protocol.metrics
        if name in beyond.PER_LIST
        for k in protocol.k
    }


def _measure_whole_set(
    lists: Lists, owners: Rows, n_users: int, matrices: SplitMatrices, protocol: ProtocolConfig, seed: int
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Return metrics of all lists together, with intervals over resampled users; `owners` (m,): user of each list."""
    names = [name for name in protocol.metrics if name in beyond.WHOLE_SET]
    bounds: dict[str, Interval] = {}
    for k in protocol.k if names else []:
        exposures = _exposure_per_user(lists[:, :k], owners, (n_users, matrices.train.shape[1]))
        resampled = [
            np.stack([beyond.WHOLE_SET[name](block) for name in names])
            for weights in resampling_weights(n_users, _SET_DRAWS, seed)
            for block in [np.asarray(weights @ exposures)]
        ]
        total_exposure = np.asarray(exposures.sum(axis=0)).ravel()
        for name, draws in zip(names, np.concatenate(resampled, axis=1), strict=True):
            value = float(beyond.WHOLE_SET[name](total_exposure))
            if not np.isnan(value):
                bounds[f"{name}_at_{k}"] = standard_error_interval(value, draws)
    return {name: interval.value for name, interval in bounds.items()}, bounds


def _exposure_per_user(lists: Lists, owners: Rows, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return how often each item occurs in each user's lists (n_users, n_movies)."""
    rows, ranks = np.nonzero(lists >= 0)
    entries = (np.ones(len(rows)), (owners[rows], lists[rows, ranks]))
    return sp.csr_matrix(sp.coo_matrix(entries, shape=shape))


def _exposure_arrays(lists: Lists, matrices: SplitMatrices, protocol: ProtocolConfig) -> PerUser:
    exposure = beyond.exposure(lists[:, : protocol.k[0]], matrices.train.shape[1])
    return {"exposure": exposure.astype(np.float64), "popularity": matrices.popularity.astype(np.float64)}


def _measure_ratings(
    model: Model, matrices: SplitMatrices, protocol: ProtocolConfig, users: Rows
) -> tuple[PerUser, PerUser]:
    """Return RMSE and MAE of each user, and the calibration; nothing where protocol or model have no ratings."""
    if not {"rmse", "mae"} & set(protocol.metrics):
        return {}, {}
    predictions = ratings.predict(model, matrices.test, matrices.history, folded=matrices.folded)
    if predictions is None:
        return {}, {}
    return ratings.rating_metrics(predictions, users), {"calibration": ratings.calibration(predictions, model.feedback)}


def _scatter(values: Values, rows: Rows, n: int) -> Values:
    """Return an array (n,) with `values` at `rows` and NaN elsewhere."""
    result = np.full(n, np.nan)
    result[rows] = values
    return result
