"""Implicit matrix factorisation (implicit's ALS): rankings for users, item similarity by taste, fold-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.scoring.blocks import with_data
from recommender.scoring.specs import AlsFoldIn, FactorSpec, SimilarityPart, SimilaritySpec
from recommender.scoring.weights import confidence
from training.kernels.conjugate_gradient import improve_rows
from training.kernels.least_squares import solve_rows
from training.kernels.ordering import fullest_first
from training.kernels.threads import Map, Scratch, thread_map
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import AlsConfig
from training.models.target import EVERY_ROW
from training.progress import Progress, silent

Factors = NDArray[np.float32]
LOSS_BELOW = 2_000_000  # ratings; on larger data the learning curve would cost as much as the fit


class CompiledAls(AlternatingLeastSquares):  # type: ignore[misc]  # implicit carries no types
    """implicit's ALS with a faster compiled conjugate-gradient half-step, for positive confidence."""

    def __init__(self, run: Map, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._run, self._scratch = run, Scratch()

    @property
    def solver(self) -> Callable[..., None]:
        """Return the half-step that implicit's `fit` calls for users, then for films, in each iteration."""
        return self._half_step

    def _half_step(
        self, confidence: sp.csr_matrix, factors: Factors, other: Factors, regularization: float, **_: Any
    ) -> None:
        improve_rows(confidence, other, factors, regularization, self.cg_steps, self._run, self._scratch)


class Weighted(NamedTuple):
    """Confidence of ratings before the factor alpha, each (n_users, n_movies), and what fold-in needs."""

    likes: sp.csr_matrix  # of the ratings that are to be predicted
    signed: sp.csr_matrix  # with dislikes, as negative numbers
    fold_in: AlsFoldIn


class Als(Configured[AlsConfig]):
    """Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets".

    Minimises sum c_ui (1 - x_u'y_i)^2 over the ratings + sum (x_u'y_i)^2 over all other pairs
    + regularization * (sum |x_u|^2 + sum |y_i|^2), where ratings are those to be predicted: likes, unless every one is.
    Dislikes move the users' factors alone; see `AlsFoldIn`.
    """

    config_type = AlsConfig
    about = About(
        label="ALS",
        sentence="Matrix factorisation of who rated what: films loved by the same people lie close together.",
        share="people",
        papers=(Paper(url="https://doi.org/10.1109/ICDM.2008.22"),),
    )

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Factorise the ratings. Arrays: as `factor_model` names them."""
        weighted = self.weigh(data)
        users, items, curve = self.factorise(weighted.likes, seed, progress, weighted.signed)
        return factor_model("als", self.config.model_dump(), users, items, weighted.fold_in, curve)

    def weigh(self, data: TrainingData) -> Weighted:
        """Return the confidence, before the factor alpha, of the ratings that move items, and of those that move users.

        Dislikes are negative numbers among the latter.
        """
        config = self.config
        data = replace(data, target=EVERY_ROW) if config.every_rating else data
        fold_in = config.fold_in(data.like)
        signed = with_data(data.stars, confidence(fold_in, data.stars.data) / np.float32(config.alpha))
        return Weighted(data.likes(config.weight(data.stars.data)), signed, fold_in)

    def factorise(
        self, likes: sp.csr_matrix, seed: int, progress: Progress = silent, signed: sp.csr_matrix | None = None
    ) -> tuple[Factors, Factors, dict[str, list[float]]]:
        """Return user factors (n_users, d), solved exactly, item factors (n_movies, d), and the losses on small data.

        `likes`: (n_users, n_movies) confidence, before the factor alpha. `signed`: the same with dislikes, as negative
        numbers, which move users and not films; by default there are none.
        """
        losses: list[float] = []

        def on_iteration(iteration: int, seconds: float, loss: float | None) -> None:
            progress("als", (iteration + 1) / self.config.iterations)
            if loss is not None:
                losses.append(float(loss))

        ordered, people, films = fullest_first(likes)
        # The same first factors as implicit draws in the original order: ordering changes the time, not the model.
        rng = np.random.default_rng(seed)
        with thread_map() as run:
            als = CompiledAls(
                run,
                factors=self.config.factors,
                regularization=self.config.regularization,
                alpha=self.config.alpha,
                iterations=self.config.iterations,
                calculate_training_loss=likes.nnz < LOSS_BELOW,
                num_threads=1,  # of the loss: its threads wait busily, which took four times as long as the half-steps
            )
            als.user_factors = rng.random((len(people), self.config.factors), dtype=np.float32)[people] * 0.01
            als.item_factors = rng.random((len(films), self.config.factors), dtype=np.float32)[films] * 0.01
            als.fit(ordered, show_progress=False, callback=on_iteration)
        items = np.empty_like(als.item_factors)
        items[films] = als.item_factors
        users = self.exact_users(likes if signed is None else signed, items)
        return users, items, {"train_loss": losses} if losses else {}

    def exact_users(self, signed: sp.csr_matrix, items: Factors) -> Factors:
        """Return the exact user factors (n_users, d): implicit updates users before items, and only approximately.

        Fold-in then gives a known user the same factors. implicit's own exact solver takes several times as long.
        """
        weights = with_data(signed, np.float32(self.config.alpha) * signed.data)
        ridge = np.full(signed.shape[0], self.config.regularization, dtype=np.float32)
        with thread_map() as run:
            return solve_rows(weights, items, ridge, 1.0, run)


def factor_model(
    name: str,
    parameters: Mapping[str, Any],
    users: Factors,
    items: Factors,
    fold_in: AlsFoldIn,
    curve: Mapping[str, list[float]] | None = None,
) -> FittedModel:
    """Return the model `name` of implicit factors (n_users, d) and (n_movies, d).

    Arrays: the factors, the items' Gram matrix for fold-in, and the item factors at unit length.
    """
    arrays: dict[str, NDArray[Any]] = {
        f"{name}_user_factors": users,
        f"{name}_item_factors": items,
        f"{name}_gram": items.T.astype(np.float64) @ items.astype(np.float64),
        f"{name}_embedding": unit_rows(items),
    }
    spec = FactorSpec(user_factors=f"{name}_user_factors", item_factors=f"{name}_item_factors", fold_in=fold_in)
    similarity = SimilaritySpec(parts=[SimilarityPart(name=name, embedding=f"{name}_embedding")])
    return FittedModel(name, parameters, arrays, similarity, spec, learning_curve=curve or {})
