"""SVD training against stock Surprise on the twin: from arrays to a fitted model, time, memory and held-out error."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import surprise
from numpy.typing import NDArray

from benchmarks.tools.figures import Figure, peak_memory, seconds
from benchmarks.tools.twins import twin_dataset
from recommender.films.ids import IdMap
from recommender.schema import RATING_MAX, RATING_MIN
from training.models.surprise_arrays import ArraySVD, ArrayTrainset

FACTORS, EPOCHS = 100, 20
HELD_OUT = 0.02
TESTED = 100_000  # held-out ratings that are predicted, at most
JUDGED_FROM = 0.9  # the targets of time and memory are those of the full size
_MIB = 2**20

Columns = tuple[NDArray[Any], ...]


class Side(NamedTuple):
    """One fit: wall time, peak bytes over the ready arrays, RMSE on the held-out ratings."""

    seconds: float
    peak: float
    rmse: float


class Task(NamedTuple):
    """Users, items and stars of the training and of the held-out ratings, and the numbers of users and items."""

    train: Columns
    test: Columns
    shape: tuple[int, int]


def run(size: float, rounds: int) -> list[Figure]:
    """Speed, memory and error of our fit against the stock one, each in a process of its own."""
    pairs = [(_apart(ours, size), _apart(stock, size)) for _ in range(rounds)]
    here, there = (Side(*np.median([pair[at] for pair in pairs], axis=0).tolist()) for at in (0, 1))
    note = f"twin of size {size:g}, {FACTORS} factors, {EPOCHS} epochs, from arrays to a fitted model"
    speed, memory = (20.0, 0.1) if size >= JUDGED_FROM else (None, None)
    return [
        Figure("svd: Surprise's time over ours", there.seconds / here.seconds, speed, "higher",
               here.seconds, there.seconds, "s", rounds, note),
        Figure("svd: our peak memory over Surprise's", here.peak / there.peak, memory, "lower",
               here.peak / _MIB, there.peak / _MIB, "MiB", rounds, f"{note}; memory over the ready arrays"),
        Figure("svd: difference of RMSE on held-out ratings", abs(here.rmse - there.rmse), 0.002, "lower",
               here.rmse, there.rmse, "stars", rounds, note),
    ]  # fmt: skip


def ours(size: float) -> Side:
    """The array trainset and the compiled descent."""
    task = make_task(size)
    _fit((*np.zeros((2, 9), dtype=np.int32), np.ones(9, dtype=np.float32)), (1, 1), 1)  # compiles
    return _measured(lambda: _fit(task.train, task.shape, EPOCHS), task)


def _fit(train: Columns, shape: tuple[int, int], epochs: int) -> ArraySVD:
    trainset = ArrayTrainset(train[0], train[1], train[2], *(IdMap(np.arange(n)) for n in shape))
    algorithm = ArraySVD(n_factors=FACTORS, n_epochs=epochs, random_state=0)
    algorithm.fit(trainset)
    return algorithm


def stock(size: float) -> Side:
    """Surprise's own way: data frame, dictionaries, Cython loop."""
    task = make_task(size)

    def fit() -> surprise.SVD:
        frame = pd.DataFrame(dict(zip(("user", "item", "stars"), task.train, strict=True)))
        data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(RATING_MIN, RATING_MAX)))
        return surprise.SVD(n_factors=FACTORS, n_epochs=EPOCHS, random_state=0).fit(data.build_full_trainset())

    return _measured(fit, task)


def make_task(size: float) -> Task:
    """The twin's ratings, sorted by user, of which a random share is held out."""
    matrix = twin_dataset(size).user_item().tocoo()
    held = np.random.default_rng(1).random(matrix.nnz) < HELD_OUT
    rated = matrix.row.astype(np.int32), matrix.col.astype(np.int32), matrix.data
    return Task(tuple(each[~held] for each in rated), tuple(each[held] for each in rated), matrix.shape)


def _measured(fit: Callable[[], surprise.SVD], task: Task) -> Side:
    made: list[Any] = []
    taken: list[float] = []
    peak = peak_memory(lambda: taken.append(seconds(lambda: made.append(fit()))))
    triples = zip(*(each[:TESTED].tolist() for each in task.test), strict=True)
    errors = [stars - made[0].predict(user, item).est for user, item, stars in triples]
    return Side(taken[0], peak, float(np.sqrt(np.mean(np.square(errors)))))


def _apart(measure: Callable[[float], Side], size: float) -> Side:
    """`measure(size)` in a fresh process, so that neither side finds the other's memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (size,))
