"""One model judged by one protocol, through the scorers that the service answers with; and the mean of several such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import Metric
from recommender.errors import DataError, UsageError
from recommender.model import Model
from training.datasets.store import ProcessedDataset
from training.evaluation.judges import Parts, judge_films, judge_people, judge_ratings
from training.evaluation.metrics import Values, quotient
from training.evaluation.result import Evaluation
from training.evaluation.significance import PER_RATING, Interval, intervals
from training.progress import Progress, silent
from training.splits.cut import Split, liked
from training.splits.protocol import ProtocolConfig


def evaluate(
    model: Model,
    dataset: ProcessedDataset,
    split: Split,
    protocol: ProtocolConfig,
    *,
    seed: int,
    progress: Progress = silent,
) -> Evaluation:
    """Judge `model`, fitted on `split.train`, by `protocol`; `seed` names the training and draws the bootstrap.

    Raises DataError where the model was fitted on other ratings than the split's training part, UsageError where it has
    no scorer of the kind that the protocol judges.
    """
    parts = _parts(dataset, split, protocol)
    _check_fitted_on(model, dataset, parts.train)
    judge = {"user_scorer": judge_people, "item_scorer": judge_films, "rating_scorer": judge_ratings}[protocol.judges]
    outcome = judge(model, parts, protocol, seed, progress)
    if not outcome.per_user:
        raise UsageError(f"Protocol {protocol.name} judges predicted stars; this {model.manifest.algorithm} has none.")
    return _evaluation(
        Evaluation(
            protocol=protocol.name,
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            seed=seed,
            users=dataset.user_ids.ids[outcome.users],
            per_user=outcome.per_user,
            overall=outcome.overall,
            metrics=[],
            arrays=outcome.arrays,
        ),
        outcome.bounds,
    )


def combine(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The mean of evaluations of one model by one protocol, over folds, split seeds or training seeds.

    A person's value is the mean of theirs (RMSE and MAE: over all of that person's test ratings), so folds of a
    cross-validation give the figure over all ratings, and seeds give the figure of an average training. Figures of
    whole sets of lists and their bounds are averaged. Raises UsageError where protocol or data set differ.
    """
    first = evaluations[0]
    if len({(each.protocol, each.fingerprint) for each in evaluations}) > 1:
        raise UsageError("Expected evaluations by one protocol on one data set; found several.")
    users = np.unique(np.concatenate([each.users for each in evaluations]))
    names = list(dict.fromkeys(name for each in evaluations for name in each.per_user))
    combined = Evaluation(
        protocol=first.protocol,
        dataset=first.dataset,
        fingerprint=first.fingerprint,
        seed=first.seed,
        users=users,
        per_user={name: _mean_of(name, evaluations, users) for name in names},
        overall=_means([each.overall for each in evaluations]),
        metrics=[],
        arrays=_array_means([each.arrays for each in evaluations]),
    )
    lows, highs = (
        _means([{m.name: float(getattr(m, side)) for m in each.metrics if m.lo is not None} for each in evaluations])
        for side in ("lo", "hi")
    )
    bounds = {
        name: Interval(combined.overall[name], lows[name], highs[name]) for name in lows if name in combined.overall
    }
    return _evaluation(combined, bounds)


def _parts(dataset: ProcessedDataset, split: Split, protocol: ProtocolConfig) -> Parts:
    stars = dataset.ratings["rating"].to_numpy()
    train = dataset.user_item(split.train)
    return Parts(
        train=train,
        history=train if split.fold_in is None else dataset.user_item(split.fold_in),
        folded=split.fold_in is not None,
        masked=train if split.masked is split.train else dataset.user_item(split.masked),
        test=dataset.user_item(split.test),
        relevant=dataset.user_item(split.test & liked(protocol, stars)),
        queries=None if split.queries is None else dataset.user_item(split.queries),
        tags=dataset.tags.matrix,
    )


def _check_fitted_on(model: Model, dataset: ProcessedDataset, train: sp.csr_matrix) -> None:
    """A model that saw more than the training part would be judged by what it knows; one that saw less, unfairly."""
    same_rows = np.array_equal(model.movie_ids.ids, dataset.movie_ids.ids) and np.array_equal(
        model.user_ids.ids, dataset.user_ids.ids
    )
    if not same_rows:
        raise DataError(f"Expected a model with the films and users of {dataset.name}, found other ones.")
    seen = model.history.ratings(np.arange(len(dataset.user_ids)))
    if not (np.array_equal(seen.indptr, train.indptr) and np.array_equal(seen.indices, train.indices)):
        raise DataError(
            f"Expected a model fitted on the split's {train.nnz} training ratings, found one fitted on {seen.nnz} "
            "ratings, not the same ones. Fit it on training_data(dataset, split)."
        )


def _evaluation(bare: Evaluation, bounds: Mapping[str, Interval]) -> Evaluation:
    """`bare` with its metrics: means and intervals over people, then the overall figures."""
    found = intervals(bare.per_user, bare.seed)
    found |= {name: bounds.get(name, Interval(value, np.nan, np.nan)) for name, value in bare.overall.items()}
    bare.metrics.extend(
        Metric(
            protocol=bare.protocol,
            name=name,
            value=each.value,
            lo=None if np.isnan(each.lo) else each.lo,
            hi=None if np.isnan(each.hi) else each.hi,
        )
        for name, each in found.items()
        if not np.isnan(each.value)
    )
    return bare


def _mean_of(name: str, evaluations: Sequence[Evaluation], users: NDArray[np.int64]) -> Values:
    """(u,) each person's mean of one metric over the evaluations in which they have a value."""
    values, weights = np.full((2, len(evaluations), len(users)), np.nan)
    for line, each in enumerate(evaluations):
        at = np.searchsorted(users, each.users)
        values[line, at] = each.per_user.get(name, np.full(len(at), np.nan))
        weights[line, at] = each.per_user["test_ratings"] if name in PER_RATING else 1.0
    values = values**2 if name == "rmse" else values
    weights = np.where(np.isnan(values), 0.0, weights)
    total = np.nansum(values * weights, axis=0)
    if name == "test_ratings":
        return np.asarray(total)
    mean = quotient(total, weights.sum(axis=0))
    return np.sqrt(mean) if name == "rmse" else mean


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in figures if name in each])) for name in figures[0]}


def _array_means(arrays: Sequence[Mapping[str, Values]]) -> dict[str, Values]:
    return {name: np.asarray(np.mean([each[name] for each in arrays], axis=0)) for name in arrays[0]}
