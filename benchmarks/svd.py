"""Time, memory and held-out error of fitting SVD on the synthetic twin, against stock Surprise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import surprise
from numpy.typing import NDArray

from benchmarks.tools.figures import Figure, in_fresh_process, watched
from benchmarks.tools.twins import twin_dataset
from recommender.schema import LEAST_STARS, MOST_STARS
from training.models.factors.svd import ArraySVD, ArrayTrainset

FACTORS, EPOCHS = 100, 20
HELD_OUT = 0.02
TESTED = 100_000  # held-out ratings that are predicted, at most
JUDGED_FROM = 0.9  # the targets of time and memory are those of the full size
_MIB = 2**20

Columns = tuple[NDArray[Any], ...]


class Side(NamedTuple):
    """One fit: wall time, peak bytes above the input arrays, RMSE on the held-out ratings."""

    seconds: float
    peak: float
    rmse: float


class Task(NamedTuple):
    """Users, items and stars of the training and the held-out ratings, and the numbers of users and items."""

    train: Columns
    test: Columns
    shape: tuple[int, int]


def run(size: float, rounds: int) -> list[Figure]:
    """Measure speed, memory and error of our fit against stock Surprise, each in a process of its own."""
    pairs = [(in_fresh_process(ours, size), in_fresh_process(stock, size)) for _ in range(rounds)]
    here, peer = (Side(*np.median(sides, axis=0).tolist()) for sides in zip(*pairs, strict=True))
    note = f"twin of size {size:g}, {FACTORS} factors, {EPOCHS} epochs, from arrays to a fitted model"
    speed, memory = (20.0, 0.1) if size >= JUDGED_FROM else (None, None)
    return [
        Figure("svd: Surprise's time over ours", peer.seconds / here.seconds, speed, "higher",
               here.seconds, peer.seconds, "s", rounds, note),
        Figure.against("svd: our peak memory over Surprise's", here.peak / _MIB, peer.peak / _MIB, memory,
                       unit="MiB", rounds=rounds, note=f"{note}; memory over the ready arrays"),
        Figure("svd: difference of RMSE on held-out ratings", abs(here.rmse - peer.rmse), 0.002, "lower",
               here.rmse, peer.rmse, "stars", rounds, note),
    ]  # fmt: skip


def ours(size: float) -> Side:
    """Fit SVD from arrays by the compiled gradient descent, and measure it."""
    task = make_task(size)
    _fit((*np.zeros((2, 9), dtype=np.int32), np.ones(9, dtype=np.float32)), (1, 1), 1)  # compiles
    return _measured(lambda: _fit(task.train, task.shape, EPOCHS), task)


def _fit(train: Columns, shape: tuple[int, int], epochs: int) -> ArraySVD:
    trainset = ArrayTrainset(train[0], train[1], train[2], shape)
    algorithm = ArraySVD(n_factors=FACTORS, n_epochs=epochs, random_state=0)
    algorithm.fit(trainset)
    return algorithm


def stock(size: float) -> Side:
    """Fit SVD by stock Surprise, from a data frame through dictionaries and its Cython loop, and measure it."""
    task = make_task(size)

    def fit() -> surprise.SVD:
        frame = pd.DataFrame(dict(zip(("user", "item", "stars"), task.train, strict=True)))
        data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(LEAST_STARS, MOST_STARS)))
        return surprise.SVD(n_factors=FACTORS, n_epochs=EPOCHS, random_state=0).fit(data.build_full_trainset())

    return _measured(fit, task)


def make_task(size: float) -> Task:
    """Split the twin's ratings, sorted by user, into training and a random held-out share."""
    matrix = twin_dataset(size).user_item().tocoo()
    held_out = np.random.default_rng(1).random(matrix.nnz) < HELD_OUT
    columns = matrix.row.astype(np.int32), matrix.col.astype(np.int32), matrix.data
    train, test = (tuple(column[mask] for column in columns) for mask in (~held_out, held_out))
    return Task(train, test, matrix.shape)


def _measured(fit: Callable[[], surprise.SVD], task: Task) -> Side:
    model, taken, peak = watched(fit)
    triples = zip(*(column[:TESTED].tolist() for column in task.test), strict=True)
    errors = [stars - model.predict(user, item).est for user, item, stars in triples]
    return Side(taken, peak, float(np.sqrt(np.mean(np.square(errors)))))
