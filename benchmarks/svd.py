"""SVD training against stock Surprise: from arrays to a fitted model, time and error on held-out ratings."""

from __future__ import annotations

import multiprocessing
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import surprise
from numpy.typing import NDArray

from benchmarks.common import Figure, seconds
from benchmarks.random_ratings import random_ratings
from recommender.ids import IdMap
from recommender.schema import RATING_MAX, RATING_MIN
from training.models.surprise_arrays import ArraySVD, ArrayTrainset

FACTORS, EPOCHS = 100, 20
HELD_OUT = 0.02


class Side(NamedTuple):
    """One fit: wall time, RMSE on the held-out ratings."""

    seconds: float
    rmse: float


def run(size: float, rounds: int) -> list[Figure]:
    """Speed and error of our fit against the stock one, each in a process of its own."""
    pairs = [(_apart(ours, size), _apart(stock, size)) for _ in range(rounds)]
    fast, slow = (Side(*np.median([pair[at] for pair in pairs], axis=0).tolist()) for at in (0, 1))
    note = f"size {size}, {FACTORS} factors, {EPOCHS} epochs"
    return [
        Figure("svd: Surprise's time over ours", slow.seconds / fast.seconds, 20.0, "higher",
               fast.seconds, slow.seconds, "s", rounds, note),
        Figure("svd: difference of RMSE on held-out ratings", abs(fast.rmse - slow.rmse), 0.002, "lower",
               fast.rmse, slow.rmse, "stars", rounds, note),
    ]  # fmt: skip


def ours(size: float) -> Side:
    """The array trainset and the compiled descent."""
    train, test, shape = columns(size)
    user_ids, movie_ids = (IdMap(np.arange(n)) for n in shape)
    warm = ArrayTrainset(train[0][:9], train[1][:9], train[2][:9], user_ids, movie_ids)
    ArraySVD(n_factors=FACTORS, n_epochs=1).fit(warm)  # compiles
    made: list[ArraySVD] = []

    def fit() -> None:
        trainset = ArrayTrainset(train[0], train[1], train[2], user_ids, movie_ids)
        made.append(ArraySVD(n_factors=FACTORS, n_epochs=EPOCHS, random_state=0).fit(trainset))

    return _measured(fit, made, test)


def stock(size: float) -> Side:
    """Surprise's own way: data frame, dictionaries, Cython loop."""
    train, test, _ = columns(size)
    made: list[Any] = []

    def fit() -> None:
        frame = pd.DataFrame(dict(zip(("user", "item", "stars"), train, strict=True)))
        data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(RATING_MIN, RATING_MAX)))
        trainset = data.build_full_trainset()
        made.append(surprise.SVD(n_factors=FACTORS, n_epochs=EPOCHS, random_state=0).fit(trainset))

    return _measured(fit, made, test)


def columns(size: float) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...], tuple[int, int]]:
    """Users, items and stars of the training and of the held-out ratings, and the numbers of users and items."""
    matrix = random_ratings(size).tocoo()
    held = np.random.default_rng(1).random(matrix.nnz) < HELD_OUT
    rows = matrix.row.astype(np.int32), matrix.col.astype(np.int32), matrix.data
    return tuple(each[~held] for each in rows), tuple(each[held] for each in rows), matrix.shape


def _measured(fit: Any, made: list[Any], test: tuple[NDArray[Any], ...]) -> Side:
    taken = seconds(fit)
    triples = zip(*(each[:100_000].tolist() for each in test), strict=True)
    errors = [stars - made[0].predict(user, item).est for user, item, stars in triples]
    return Side(taken, float(np.sqrt(np.mean(np.square(errors)))))


def _apart(measure: Any, size: float) -> Side:
    """`measure(size)` in a fresh process, so that neither side finds the other's memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        side: Side = pool.apply(measure, (size,))
    return side
