"""Check what a model of one's own returns from `fit`, before anybody is shown its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.scoring.scorers import item_scorer, user_scorer
from recommender.scoring.specs import FactorSpec
from training.models.base import FittedModel, TrainingData


def check_fitted(name: str, fitted: Any, data: TrainingData) -> FittedModel:
    """Return `fitted` if its specs give every item a finite score. Raises UsageError, which names what is wrong."""
    if not isinstance(fitted, FittedModel):
        raise UsageError(f"{name}.fit: expected a FittedModel, found {type(fitted).__name__}.")
    if fitted.algorithm != name:
        raise UsageError(f"{name}.fit: expected FittedModel({name!r}, ...), found {fitted.algorithm!r}.")
    if infinite := [key for key, array in fitted.arrays.items() if not np.all(np.isfinite(array))]:
        raise UsageError(f"{name}.fit: expected finite numbers, found others in {', '.join(infinite)}.")
    if fitted.own_scorer is not None:
        return fitted
    users, items = (np.array([0, count - 1]) for count in data.user_item.shape)
    arrays, spec = dict(fitted.arrays), fitted.user_spec
    for what, score in (
        ("item_spec", lambda: item_scorer(fitted.item_spec, arrays).similar(items)),
        ("user_spec", lambda: user_scorer(spec, arrays).known(users, data.stars[users])),
    ):
        _check_scores(f"{name}.{what}", score, data.user_item.shape[1])
    count = data.user_item.shape[0]
    if isinstance(spec, FactorSpec) and len(arrays[spec.user_factors]) != count:
        raise UsageError(f"{name}.user_spec: expected {count} user factors, found {len(arrays[spec.user_factors])}.")
    return fitted


def _check_scores(what: str, score: Callable[[], NDArray[np.float32]], n_items: int) -> None:
    """Raise UsageError unless `score` gives finite scores (b, n_items)."""
    try:
        scores = score()
    except KeyError as error:
        raise UsageError(f"{what} names an array that fit did not return: {error}.") from error
    except (ValueError, IndexError, TypeError, AttributeError, MemoryError) as error:
        raise UsageError(f"{what} cannot be computed from the arrays: {error}.") from error
    if scores.shape[1] != n_items:
        raise UsageError(f"{what}: expected scores of {n_items} items, found {scores.shape[1]}.")
    if not np.all(np.isfinite(scores)):
        raise UsageError(f"{what}: expected finite scores, found others.")
