"""Predicted ratings against observed ratings: RMSE and MAE of each user, and calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.feedback import Feedback
from recommender.model import Model
from recommender.scoring.scorers import UserScorer
from training.evaluation.metrics import Values
from training.kernels.topk import BLOCK_CELLS


@dataclass(frozen=True)
class Predictions:
    """Observed and predicted test ratings, sorted by user: all arrays (n,)."""

    users: NDArray[np.int64]  # user rows
    observed: Values
    predicted: Values


def predict(model: Model, test: sp.csr_matrix, history: sp.csr_matrix, *, folded: bool) -> Predictions | None:
    """Predict every test rating; None where the model predicts no ratings.

    `test`, `history`: (n_users, n_movies) ratings; predictions are clipped to the range of `history`. `folded`: the
    model knows these users by their `history` alone.
    """
    scorer = model.rating_scorer
    if scorer is None:
        return None
    users, stars = np.flatnonzero(np.diff(test.indptr)), model.stars(history)
    step = max(1, BLOCK_CELLS // test.shape[1])
    blocks = (users[start : start + step] for start in range(0, len(users), step))
    scores = np.concatenate([_predict_block(scorer, block, test, stars, folded) for block in blocks])
    rows = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr))
    predicted = model.feedback.ratings(np.clip(scores, stars.data.min(), stars.data.max()))
    return Predictions(rows, test.data.astype(np.float64), predicted)


def _predict_block(
    scorer: UserScorer, users: NDArray[np.int64], test: sp.csr_matrix, history: sp.csr_matrix, folded: bool
) -> Values:
    user_history, user_test = history[users], test[users]
    scores = scorer.folded(user_history) if folded else scorer.known(users, user_history)
    rows = np.repeat(np.arange(len(users)), np.diff(user_test.indptr))
    return np.asarray(scores[rows, user_test.indices], dtype=np.float64)


def rating_metrics(predictions: Predictions, users: NDArray[np.int64]) -> dict[str, Values]:
    """Return `rmse`, `mae` and `test_ratings` (the number of test ratings) of each user row of `users`, as (u,) arrays.

    RMSE and MAE are NaN for a user without test ratings.
    """
    size = int(max(users.max(initial=0), predictions.users.max(initial=0))) + 1
    error = predictions.predicted - predictions.observed
    count, squares, absolute = (
        np.bincount(predictions.users, weights=weights, minlength=size)[users]
        for weights in (np.ones(len(error)), error**2, np.abs(error))
    )
    divisor = np.where(count > 0, count, np.nan)
    return {"rmse": np.sqrt(squares / divisor), "mae": absolute / divisor, "test_ratings": count}


def calibration(predictions: Predictions, feedback: Feedback) -> Values:
    """Return sums by bin of the prediction (b, 3): predicted ratings, observed ratings, number of ratings."""
    bins = feedback.bin(predictions.predicted)
    columns = (predictions.predicted, predictions.observed, np.ones(len(bins)))
    return np.column_stack([np.bincount(bins, weights=column, minlength=len(feedback.bins)) for column in columns])
