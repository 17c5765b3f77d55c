"""ALS with regularization scaled by how often each person and film occurs, solved exactly by a compiled kernel."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.scoring.blocks import with_data
from recommender.scoring.weights import confidence
from training.kernels.least_squares import solve_rows
from training.kernels.threads import Map, thread_map
from training.models.base import Configured, FittedModel, TrainingData
from training.models.factors.als import factor_model
from training.models.parameters import IalsConfig
from training.progress import Progress

INIT_DEVIATION = 0.1  # of the length of a factor vector, as in the paper


class Ials(Configured[IalsConfig]):
    """Rendle, Krichene, Zhang and Koren (2021), "Revisiting the performance of iALS on item recommendation benchmarks".

    Minimises sum c_ui (1 - x_u'y_i)^2 over the ratings + unobserved_weight * sum (x_u'y_i)^2 over all other pairs
    + sum_u lambda_u |x_u|^2 + sum_i lambda_i |y_i|^2, with lambda = regularization * (ratings + unobserved_weight *
    size of the other side)^regularization_exponent.
    """

    config_type = IalsConfig
    about = About(
        label="iALS",
        sentence="Like als, but people and films with many ratings are held back more, and the solution is exact.",
        share="people",
        papers=(Paper(url="https://arxiv.org/abs/2110.14037"),),
    )

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Factorise the ratings. Arrays: as `factor_model` names them."""
        config = self.config
        fold_in = config.fold_in(data.like)
        signed = with_data(data.stars, confidence(fold_in, data.stars.data))
        with thread_map() as run:
            users, items = self._alternate(data.likes(signed.data), signed, seed, progress, run)
        return factor_model("ials", config.model_dump(), users, items, fold_in)

    def _alternate(
        self, by_user: sp.csr_matrix, signed: sp.csr_matrix, seed: int, progress: Progress, run: Map
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return user and item factors from likes `by_user`; last, users are solved with their dislikes, `signed`."""
        config = self.config
        by_item = by_user.T.tocsr()
        user_ridge, item_ridge = self._ridge(by_user), self._ridge(by_item)
        deviation = INIT_DEVIATION / config.factors**0.5
        items = np.random.default_rng(seed).normal(0, deviation, (by_user.shape[1], config.factors)).astype(np.float32)
        items[np.diff(by_item.indptr) == 0] = 0
        for iteration in range(config.iterations):
            users = solve_rows(by_user, items, user_ridge, config.unobserved_weight, run)
            items = solve_rows(by_item, users, item_ridge, config.unobserved_weight, run)
            progress("ials", (iteration + 1) / config.iterations)
        return solve_rows(signed, items, user_ridge, config.unobserved_weight, run), items

    def _ridge(self, rows: sp.csr_matrix) -> NDArray[np.float32]:
        size = np.diff(rows.indptr) + self.config.unobserved_weight * rows.shape[1]
        return (self.config.regularization * size**self.config.regularization_exponent).astype(np.float32)
