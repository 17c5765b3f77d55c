"""Judge anybody's predicted ratings: one error over all rows, or the mean of each user's error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import MOVIE, RATING, USER
from training.splits.pairs import read_pairs

Values = NDArray[np.float64]
POOLED, BY_USER = "over all rows", "mean over users"


@dataclass(frozen=True)
class RatingConvention:
    """An error of predicted ratings in one of its published forms."""

    metric: str
    formula: str
    used_by: str
    mean: Callable[[Values], float]  # of the errors of one group of rows
    by_user: bool

    def value(self, errors: Values, users: NDArray[np.int64]) -> float:
        """Return the metric of errors (n,) by rows of users 0..m-1 (n,), ascending."""
        if not self.by_user:
            return self.mean(errors)
        return float(np.mean([self.mean(part) for part in np.split(errors, np.flatnonzero(np.diff(users)) + 1)]))


def _rmse(errors: Values) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def _mae(errors: Values) -> float:
    return float(np.mean(np.abs(errors)))


RATING_CONVENTIONS = (
    RatingConvention("RMSE", POOLED, "Surprise, the Netflix Prize, recommenders, recommenderlab", _rmse, False),
    RatingConvention("RMSE", BY_USER, "LensKit by its guide, rrecsys", _rmse, True),
    RatingConvention("MAE", POOLED, "Surprise, recommenders, recommenderlab", _mae, False),
    RatingConvention("MAE", BY_USER, "LensKit by its guide, rrecsys", _mae, True),
)


@dataclass(frozen=True)
class PredictedRatings:
    """Errors (n,) of predictions by row of users (n,), ascending, and the test rows that nobody predicted."""

    errors: Values
    users: NDArray[np.int64]
    missing: int


def read_predictions(predictions: Path, test: Path) -> PredictedRatings:
    """Read rows of user, item and predicted rating, and the test rows that they are for.

    Test rows without a prediction are counted and left out. Raises DataError where none has one, or one has two.
    """
    predicted, tested = (read_pairs(path)[[USER, MOVIE, RATING]] for path in (predictions, test))
    keys = [USER, MOVIE]
    if predicted.duplicated(keys).any():
        raise DataError(f"Expected one prediction for each user and item in {predictions}; found several.")
    if {predicted[key].dtype.kind for key in keys} | {tested[key].dtype.kind for key in keys} != {"i"}:
        predicted, tested = (table.astype(dict.fromkeys(keys, "str")) for table in (predicted, tested))
    rows = tested.merge(predicted, on=keys, how="left", suffixes=("", "_predicted"))
    has_prediction = rows[f"{RATING}_predicted"].notna()
    if not has_prediction.any():
        raise DataError(f"Expected predictions for the rows of {test} in {predictions}; there are none.")
    found = rows[has_prediction].sort_values(USER, kind="stable")
    errors = found[f"{RATING}_predicted"].to_numpy(dtype=np.float64) - found[RATING].to_numpy(dtype=np.float64)
    return PredictedRatings(errors, pd.factorize(found[USER])[0].astype(np.int64), int((~has_prediction).sum()))
