"""Biased matrix factorisation (Surprise's `SVD`): predicted ratings, and item similarity by the factors.

Surprise works on arrays here instead of dictionaries of lists: on an array-backed trainset, with a compiled descent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse as sp
import surprise
from numpy.typing import NDArray
from surprise.utils import get_rng

from recommender.about import About, Paper
from recommender.errors import UsageError
from recommender.schema import LEAST_STARS, MOST_STARS
from recommender.scoring.specs import FactorSpec, SimilarityPart, SimilaritySpec, SvdFoldIn
from training.kernels.sgd import Steps, aligned_rows, descend, make_grid
from training.kernels.threads import thread_map
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import SvdConfig
from training.progress import Progress

_STEP = 4096  # rows drawn at a time


class Svd(Configured[SvdConfig]):
    """Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender systems".

    Minimises sum (r - mean - b_u - b_i - p_u'q_i)^2 + regularization * (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2) over the
    ratings, by stochastic gradient descent.
    """

    config_type = SvdConfig
    about = About(
        label="SVD",
        sentence="Matrix factorisation that predicts the stars a person would give.",
        share="people",
        papers=(
            Paper(url="https://sifter.org/~simon/journal/20061211.html"),
            Paper(url="https://doi.org/10.1109/MC.2009.263"),
        ),
    )

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Run the descent. Arrays: user and item factors and biases, and the item factors at unit length.

        Raises UsageError where there are only events.
        """
        if not data.feedback.has_ratings:
            raise UsageError("svd predicts ratings, and this data set has events alone; train another model.")
        curve: list[float] = []

        def on_epoch(done: float, rmse: float) -> None:
            curve.append(rmse)
            progress("svd", done)

        trainset = ArrayTrainset.from_matrix(data.stars)
        svd = ArraySVD(
            n_factors=self.config.factors,
            n_epochs=self.config.iterations,
            lr_all=self.config.learning_rate,
            reg_all=self.config.regularization,
            init_std_dev=self.config.init_deviation,
            random_state=seed,
            blocks=self.config.blocks,
            on_epoch=on_epoch,
        ).fit(trainset)
        arrays = {
            "svd_user_factors": svd.pu,
            "svd_item_factors": svd.qi,
            "svd_user_bias": svd.bu,
            "svd_item_bias": svd.bi,
            "svd_embedding": unit_rows(svd.qi),
        }
        spec = FactorSpec(
            user_factors="svd_user_factors",
            item_factors="svd_item_factors",
            user_bias="svd_user_bias",
            item_bias="svd_item_bias",
            global_mean=trainset.global_mean,
            fold_in=SvdFoldIn(regularization=self.config.regularization),
        )
        similarity = SimilaritySpec(parts=[SimilarityPart(name="svd", embedding="svd_embedding")])
        parameters = self.config.model_dump()
        return FittedModel("svd", parameters, arrays, similarity, spec, spec, learning_curve={"train_rmse": curve})


class ArrayTrainset(surprise.Trainset):  # type: ignore[misc]  # Surprise carries no types
    """`surprise.Trainset` over arrays; every id is a matrix row.

    `users`, `items`: (n,) int32 rows, sorted by user; `stars`: (n,) ratings, in the order in which `all_ratings` gives
    them. `ur` and `ir` answer as the stock dictionaries do, computed when asked.
    """

    def __init__(
        self, users: NDArray[np.int32], items: NDArray[np.int32], stars: NDArray[Any], shape: tuple[int, int]
    ) -> None:
        self.users, self.items, self.stars = users, items, stars
        sides = _Lists(users, items, stars, shape[0]), _Lists(items, users, stars, shape[1])
        rows = (dict(zip(range(n), range(n), strict=True)) for n in shape)
        super().__init__(*sides, *shape, len(stars), (LEAST_STARS, MOST_STARS), *rows)
        self._global_mean = float(np.mean(stars, dtype=np.float64)) if len(stars) else 0.0

    @classmethod
    def from_matrix(cls, user_item: sp.csr_matrix) -> ArrayTrainset:
        """Return the trainset of the stars (n_users, n_movies)."""
        users = np.repeat(np.arange(user_item.shape[0], dtype=np.int32), np.diff(user_item.indptr))
        return cls(users, user_item.indices.astype(np.int32, copy=False), user_item.data, user_item.shape)

    def all_ratings(self) -> Iterator[tuple[int, int, float]]:
        """Yield (user, item, stars) of each rating, in order."""
        yield from zip(self.users.tolist(), self.items.tolist(), self.stars.tolist(), strict=True)


class ArraySVD(surprise.SVD):  # type: ignore[misc]  # Surprise carries no types
    """`surprise.SVD` (biased) with its own objective, update rule and initial values, on an ArrayTrainset.

    `blocks`: side of the grid of disjoint blocks, 1 for Surprise's own order; the result depends on it, but not on
    `threads`. `dtype`: float32 or float64. `on_epoch` is called with the share done and the RMSE on the way.
    """

    def __init__(
        self,
        *,
        blocks: int = 16,
        dtype: type[np.floating[Any]] = np.float32,
        threads: int = 0,
        on_epoch: Callable[[float, float], None] = lambda done, rmse: None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.blocks, self.dtype, self.threads, self.on_epoch = blocks, dtype, threads, on_epoch

    def sgd(self, trainset: ArrayTrainset) -> None:
        """Fit `bu`, `bi`, `pu` and `qi` in place; those of users and items without ratings stay zero."""
        with ThreadPoolExecutor(1) as pool:
            initial = pool.submit(self._initial, trainset)
            stars, counts = trainset.stars.astype(self.dtype, copy=False), (trainset.ur.counts, trainset.ir.counts)
            grid = make_grid(trainset.users, trainset.items, stars, counts, self.blocks)
        users, items = initial.result()
        items[:] = items[grid.item_order]
        with thread_map(self.threads) as run:
            for epoch in range(self.n_epochs):
                square = descend(grid, users, items, self.n_factors, trainset.global_mean, self._steps(), run)
                self.on_epoch((epoch + 1) / self.n_epochs, square**0.5)
        (self.pu, self.bu), (self.qi, self.bi) = self._split(users), self._split(items[np.argsort(grid.item_order)])

    def _split(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return factors (n, d) and biases (n,) of rows that hold both."""
        return rows[:, : self.n_factors].copy(), rows[:, self.n_factors].copy()

    def _steps(self) -> Steps:
        rates = (self.lr_bu, self.lr_bi, self.lr_pu, self.lr_qi)
        decays = (self.reg_bu, self.reg_bi, self.reg_pu, self.reg_qi)
        keeps = (1 - rate * decay for rate, decay in zip(rates, decays, strict=True))
        return Steps(*map(self.dtype, (*keeps, *rates)))

    def _initial(self, trainset: ArrayTrainset) -> list[NDArray[Any]]:
        """Draw Surprise's first factors, users before items, beside biases of zero; zeros for those without ratings."""
        rng, sides = get_rng(self.random_state), []
        for lists in (trainset.ur, trainset.ir):
            rows = aligned_rows(len(lists.counts), self.n_factors + 1, self.dtype)
            for start in range(0, len(rows), _STEP):
                factors = rows[start : start + _STEP, : self.n_factors]
                factors[:] = rng.normal(self.init_mean, self.init_std_dev, size=factors.shape)
            rows[lists.counts == 0] = 0
            sides.append(rows)
        return sides


class _Lists(Mapping[int, list[tuple[int, float]]]):
    """Mapping of inner id to [(other inner id, stars)], like Surprise's `ur` and `ir`."""

    def __init__(self, rows: NDArray[np.int32], columns: NDArray[np.int32], stars: NDArray[Any], n: int) -> None:
        self._rows, self._columns, self._stars = rows, columns, stars
        self.counts = np.bincount(rows, minlength=n)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int | np.integer) and 0 <= int(row) < len(self.counts) and bool(self.counts[row])

    def __getitem__(self, row: int) -> list[tuple[int, float]]:
        entries = np.flatnonzero(self._rows == row)
        return list(zip(self._columns[entries].tolist(), self._stars[entries].tolist(), strict=True))

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self.counts).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.counts))
