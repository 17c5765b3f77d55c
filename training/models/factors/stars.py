"""Predicted stars with calibrated intervals: Gaussian factors that know who rated what."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.errors import UsageError
from recommender.schema import LEAST_STARS, MOST_STARS
from recommender.scoring.blocks import with_entries
from recommender.scoring.intervals import LEVEL, user_terms
from recommender.scoring.specs import FactorSpec, GaussianFoldIn, IntervalSpec, SimilarityPart, SimilaritySpec
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.factors.gaussian_factors import fit_gaussian_factors
from training.models.parameters import StarsConfig
from training.progress import Progress

_MOST_HELD_OUT = 200_000
_LEAST_HELD_OUT = 30  # fewer tell nothing of a tenth
_LEAST_ERROR = 0.02  # stars; of smaller ones the logarithm says too much
_RIDGE = 1.0


class Stars(Configured[StarsConfig]):
    """r(u, i) ~ N(mean + b_u + b_i + p_u'q_i, noise), with (b_u, p_u) and (b_i, q_i) Gaussian.

    Lim and Teh (2007), "Variational Bayesian approach to movie rating prediction", with priors as Adams, Dahl and
    Murray (2010) have them: their means are linear in side information, here in which films somebody rated and by whom
    a film was rated. Intervals come from the errors on ratings that a second fit did not see: the spread of an error
    depends on the film, on the number of a user's ratings and on their spread.
    """

    config_type = StarsConfig
    about = About(
        label="Stars",
        sentence="Predicts the stars a person would give, and how sure that is, also from which films people choose.",
        share="people",
        papers=(Paper(url="https://www.cs.uic.edu/~liub/KDD-cup-2007/proceedings/variational-Lim.pdf"),),
    )
    seeded = False  # the first factors are singular vectors

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the factors, and the intervals on held-out ratings. Raises UsageError where there are only events."""
        if not data.feedback.has_ratings:
            raise UsageError("stars predicts ratings, and this data set has events alone; train another model.")
        interval, spread = calibrate(data.stars, self.config, lambda done: progress("intervals", done))
        fitted = fit_gaussian_factors(data.stars, self.config, lambda done: progress("stars", done))
        factors = np.ascontiguousarray(fitted.items.means[:, 1:])
        arrays = {
            "stars_user_factors": np.ascontiguousarray(fitted.users.means[:, 1:]),
            "stars_item_factors": factors,
            "stars_user_bias": np.ascontiguousarray(fitted.users.means[:, 0]),
            "stars_item_bias": np.ascontiguousarray(fitted.items.means[:, 0]),
            "stars_item_variances": np.ascontiguousarray(fitted.items.variances[:, 1:]),
            "stars_item_implied": fitted.item_implied,
            "stars_prior": fitted.prior,
            "stars_item_spread": spread,
            "stars_embedding": unit_rows(factors),
        }
        spec = FactorSpec(
            user_factors="stars_user_factors",
            item_factors="stars_item_factors",
            user_bias="stars_user_bias",
            item_bias="stars_item_bias",
            global_mean=fitted.mean,
            fold_in=GaussianFoldIn(
                item_variances="stars_item_variances",
                item_implied="stars_item_implied",
                prior="stars_prior",
                noise=fitted.noise,
                damping=fitted.damping,
            ),
            interval=interval,
        )
        similarity = SimilaritySpec(parts=[SimilarityPart(name="stars", embedding="stars_embedding")])
        return FittedModel("stars", self.config.model_dump(), arrays, similarity, spec, spec)


def calibrate(
    stars: sp.csr_matrix, config: StarsConfig, progress: Any
) -> tuple[IntervalSpec | None, NDArray[np.float32]]:
    """Return how wide intervals are, and each film's part of that (n_movies,); None where ratings are too few.

    Errors are those of a fit that did not see a share of the ratings.
    """
    share = min(config.held_out, _MOST_HELD_OUT / max(stars.nnz, 1))
    is_held_out = np.random.default_rng(0).random(stars.nnz) < share
    fitted_stars, held_out = with_entries(stars, ~is_held_out), with_entries(stars, is_held_out)
    if held_out.nnz < _LEAST_HELD_OUT or not fitted_stars.nnz:
        return None, np.zeros(stars.shape[1], dtype=np.float32)
    users = np.repeat(np.arange(stars.shape[0], dtype=np.int32), np.diff(held_out.indptr))
    predicted = fit_gaussian_factors(fitted_stars, config, progress).predict(users, held_out.indices)
    errors = held_out.data - np.clip(predicted, LEAST_STARS, MOST_STARS)
    activity, spread = user_terms(fitted_stars.indptr, fitted_stars.data)
    films = np.column_stack(_film_terms(fitted_stars))
    terms = np.column_stack([films[held_out.indices], activity[users], spread[users]])
    centre = terms.mean(axis=0)
    logs = np.log(np.maximum(np.abs(errors), _LEAST_ERROR))
    gram = (terms - centre).T @ (terms - centre) + _RIDGE * np.eye(terms.shape[1])
    weights = np.linalg.solve(gram, (terms - centre).T @ (logs - logs.mean()))
    constant = float(logs.mean() - centre @ weights)
    relative = errors / np.exp(constant + terms @ weights)
    low, high = np.quantile(relative, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    interval = IntervalSpec(
        item_spread="stars_item_spread",
        activity=float(weights[2]),
        user_spread=float(weights[3]),
        low=min(float(low), 0.0),
        high=max(float(high), 0.0),
    )
    whole = np.column_stack(_film_terms(stars))
    return interval, (constant + whole @ weights[:2]).astype(np.float32)


def _film_terms(stars: sp.csr_matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log(1 + n) and the log of the damped spread of each film's ratings, (n_movies,)."""
    by_film = stars.T.tocsr()
    return user_terms(by_film.indptr, by_film.data)
