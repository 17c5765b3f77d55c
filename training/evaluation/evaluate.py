"""Evaluation of a model by a protocol, through the scorers that the service answers with; and means of evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import Metric
from recommender.errors import DataError, UsageError
from recommender.model import Model
from recommender.schema import RATING
from training.datasets.store import ProcessedDataset
from training.evaluation.measure import (
    SplitMatrices,
    measure_predicted_ratings,
    measure_similar_lists,
    measure_user_lists,
)
from training.evaluation.metrics import Values, quotient
from training.evaluation.result import Evaluation
from training.evaluation.significance import TEST_RATINGS, Interval, intervals, means, weight_of
from training.progress import Progress, silent
from training.splits.cut import Split
from training.splits.protocol import ProtocolConfig

_MEASURES = {
    "user_scorer": measure_user_lists,
    "item_scorer": measure_similar_lists,
    "rating_scorer": measure_predicted_ratings,
}


def evaluate(
    model: Model,
    dataset: ProcessedDataset,
    split: Split,
    protocol: ProtocolConfig,
    *,
    seed: int,
    progress: Progress = silent,
    matrices: SplitMatrices | None = None,
) -> Evaluation:
    """Evaluate a model that was fitted on `split.train`, by the metrics of `protocol`, on the split's test part.

    `seed` is that of the training; it also draws the bootstrap. `matrices`: of the split, where they are at hand. Means
    over users get their intervals in `combine`. Raises DataError where the model was fitted on other ratings than the
    split's training part, UsageError where it lacks the kind of scorer that the protocol evaluates.
    """
    matrices = split_matrices(dataset, split, protocol) if matrices is None else matrices
    _check_fitted_on(model, dataset, matrices.train)
    measured = _MEASURES[protocol.judges](model, matrices, protocol, seed, progress)
    if not measured.per_user:
        raise UsageError(
            f"Protocol {protocol.name} judges predicted ratings; this {model.manifest.algorithm} has none."
        )
    return Evaluation(
        protocol=protocol.name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        seed=seed,
        users=dataset.user_ids.values(measured.users),
        per_user=measured.per_user,
        overall=measured.overall,
        metrics=_metrics(protocol.name, {**means(measured.per_user), **measured.overall, **measured.bounds}),
        arrays=measured.arrays,
        target=str(split.target),
    )


def combine(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return the mean of evaluations of one model by one protocol, over folds, split seeds or training seeds.

    A user's value is their mean over the evaluations (RMSE and MAE: over all of their test ratings; what they think of
    the items shown: over all of those), so folds of a
    cross-validation give the metric over all ratings, and seeds give the metric of an average training. Metrics of
    whole sets of lists and their bounds are averaged. Raises UsageError where protocol or data set differ.
    """
    first = evaluations[0]
    if len({(evaluation.protocol, evaluation.fingerprint) for evaluation in evaluations}) > 1:
        raise UsageError("Expected evaluations by one protocol on one data set; found several.")
    users = np.unique(np.concatenate([evaluation.users for evaluation in evaluations]))
    names = list(dict.fromkeys(name for evaluation in evaluations for name in evaluation.per_user))
    per_user = {name: _mean_per_user(name, evaluations, users) for name in names}
    overall = _means([evaluation.overall for evaluation in evaluations])
    bounds = _mean_bounds(evaluations, overall)
    return replace(
        first,
        users=users,
        per_user=per_user,
        overall=overall,
        metrics=_metrics(first.protocol, {**intervals(per_user, first.seed), **overall, **bounds}),
        arrays={key: np.mean([evaluation.arrays[key] for evaluation in evaluations], axis=0) for key in first.arrays},
    )


def split_matrices(dataset: ProcessedDataset, split: Split, protocol: ProtocolConfig) -> SplitMatrices:
    """Return the parts of a split as matrices; all evaluations on the split can share them."""
    relevant = protocol.target(dataset.feedback).includes(dataset.ratings[RATING].to_numpy())
    train = dataset.user_item(split.train)
    return SplitMatrices(
        train=train,
        history=train if split.fold_in is None else dataset.user_item(split.fold_in),
        folded=split.fold_in is not None,
        masked=train if split.masked is split.train else dataset.user_item(split.masked),
        test=dataset.user_item(split.test),
        relevant=dataset.user_item(split.test & relevant),
        queries=None if split.queries is None else dataset.user_item(split.queries),
        tags=dataset.tags.matrix,
        like=dataset.feedback.like if dataset.feedback.has_ratings else None,
    )


def _check_fitted_on(model: Model, dataset: ProcessedDataset, train: sp.csr_matrix) -> None:
    """Raise DataError unless the model's history is exactly the training part.

    A model that saw more would know test ratings; one that saw less would be at a disadvantage.
    """
    if not (model.movie_ids.is_same(dataset.movie_ids) and model.user_ids.is_same(dataset.user_ids)):
        raise DataError(f"Expected a model with the films and users of {dataset.name}, found other ones.")
    history = model.history.ratings(np.arange(len(dataset.user_ids)))
    if not (np.array_equal(history.indptr, train.indptr) and np.array_equal(history.indices, train.indices)):
        raise DataError(
            f"Expected a model fitted on the split's {train.nnz} training ratings, found one fitted on {history.nnz} "
            "ratings, not the same ones. Fit it on training_data(dataset, split)."
        )


def _metrics(protocol: str, values: Mapping[str, Interval | float]) -> tuple[Metric, ...]:
    """Return the values that are numbers as metrics, with the ends of those that are intervals."""
    metrics = []
    for name, value in values.items():
        interval = value if isinstance(value, Interval) else Interval(value, np.nan, np.nan)
        lo, hi = (None if np.isnan(end) else end for end in (interval.lo, interval.hi))
        if not np.isnan(interval.value):
            metrics.append(Metric(protocol=protocol, name=name, value=interval.value, lo=lo, hi=hi))
    return tuple(metrics)


def _mean_bounds(evaluations: Sequence[Evaluation], overall: Mapping[str, float]) -> dict[str, Interval]:
    """Return the overall values with the means of their interval ends, where evaluations have intervals."""
    lows, highs = (
        _means(
            [
                {metric.name: float(getattr(metric, end)) for metric in evaluation.metrics if metric.lo is not None}
                for evaluation in evaluations
            ]
        )
        for end in ("lo", "hi")
    )
    return {name: Interval(overall[name], lows[name], highs[name]) for name in lows if name in overall}


def _mean_per_user(name: str, evaluations: Sequence[Evaluation], users: NDArray[Any]) -> Values:
    """Return each user's mean (u,) of one metric over the evaluations in which they have a value."""
    values, weights = np.full((2, len(evaluations), len(users)), np.nan)
    for row, evaluation in enumerate(evaluations):
        columns = np.searchsorted(users, evaluation.users)
        values[row, columns] = evaluation.per_user.get(name, np.full(len(columns), np.nan))
        weight = weight_of(name)
        weights[row, columns] = evaluation.per_user[weight] if weight else 1.0
    values = values**2 if name == "rmse" else values
    weights = np.where(np.isnan(values), 0.0, weights)
    total = np.nansum(values * weights, axis=0)
    if name == TEST_RATINGS:
        return np.asarray(total)
    mean = quotient(total, weights.sum(axis=0))
    return np.sqrt(mean) if name == "rmse" else mean


def _means(mappings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each key over the mappings that have it."""
    names = dict.fromkeys(name for mapping in mappings for name in mapping)
    return {name: float(np.mean([mapping[name] for mapping in mappings if name in mapping])) for name in names}
