"""Predicted stars against given stars: RMSE and MAE of each person, and how well predictions are calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model
from recommender.schema import RATING_BINS, rating_bin
from recommender.scoring.scorers import UserScorer
from training.evaluation.metrics import Values
from training.kernels.topk import BLOCK_CELLS


@dataclass(frozen=True)
class Predictions:
    """Test ratings, sorted by user: all arrays (n,)."""

    users: NDArray[np.int64]
    given: Values
    predicted: Values


def predict(model: Model, test: sp.csr_matrix, history: sp.csr_matrix, *, folded: bool) -> Predictions | None:
    """Predicted stars for the entries of `test` (n_users, n_movies), clipped to the stars that occur in `history`.

    None where the model predicts no stars. `folded`: the model knows these people by their `history` alone.
    """
    scorer = model.rating_scorer
    if scorer is None:
        return None
    users = np.flatnonzero(np.diff(test.indptr))
    step = max(1, BLOCK_CELLS // test.shape[1])
    found = [_block(scorer, users[start : start + step], test, history, folded) for start in range(0, len(users), step)]
    lines = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr))
    predicted = np.clip(np.concatenate(found), history.data.min(), history.data.max())
    return Predictions(lines, test.data.astype(np.float64), predicted)


def _block(
    scorer: UserScorer, users: NDArray[np.int64], test: sp.csr_matrix, history: sp.csr_matrix, folded: bool
) -> Values:
    shown, asked = history[users], test[users]
    scores = scorer.folded(shown) if folded else scorer.known(users, shown)
    lines = np.repeat(np.arange(len(users)), np.diff(asked.indptr))
    return np.asarray(scores[lines, asked.indices], dtype=np.float64)


def rating_metrics(predictions: Predictions, users: NDArray[np.int64]) -> dict[str, Values]:
    """`rmse`, `mae` and `test_ratings` of each of the user rows `users` (u,); NaN where a user has no test rating."""
    size = int(max(users.max(initial=0), predictions.users.max(initial=0))) + 1
    error = predictions.predicted - predictions.given
    count, squares, absolute = (
        np.bincount(predictions.users, weights=weights, minlength=size)[users]
        for weights in (np.ones(len(error)), error**2, np.abs(error))
    )
    there = np.where(count > 0, count, np.nan)
    return {"rmse": np.sqrt(squares / there), "mae": absolute / there, "test_ratings": count}


def calibration(predictions: Predictions) -> Values:
    """(bins, 3) by half star of the prediction: sum of predicted stars, sum of given stars, number of ratings."""
    bins = rating_bin(np.clip(predictions.predicted, RATING_BINS[0], RATING_BINS[-1]))
    columns = (predictions.predicted, predictions.given, np.ones(len(bins)))
    return np.column_stack([np.bincount(bins, weights=column, minlength=len(RATING_BINS)) for column in columns])
