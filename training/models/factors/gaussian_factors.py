"""Matrix factorisation with Gaussian posteriors, whose priors depend on which pairs were rated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.blocks import with_data
from training.kernels.spans import row_spans
from training.kernels.subspace import right_singular_vectors
from training.kernels.threads import thread_map
from training.models.arrays import damped_degrees, normalised
from training.models.parameters import StarsConfig
from training.progress import silent

Matrix = NDArray[np.float32]
_RIDGE = 30.0  # of the regression of factors on what is implied
_FIRST = 0.3  # standard deviation of the first item factors
_SOLVER_ITERATIONS = 8
_BLOCK = 1 << 18  # ratings at a time


class Posterior(NamedTuple):
    """Means and variances (n, 1 + d) of the bias, the first column, and the factors of users or items."""

    means: Matrix
    variances: Matrix


@dataclass(frozen=True)
class Implied:
    """Features (n, k + 2) of users or items derived from the 0/1 matrix of rated pairs, with their scaling.

    Projections of the 0/1 matrix on its singular vectors, the log of the count, and a column of ones.
    """

    features: Matrix
    mean: Matrix  # (k + 1,)
    scale: Matrix  # (k + 1,)


@dataclass(frozen=True)
class GaussianFactors:
    """A fitted model; see `recommender.scoring.specs.GaussianFoldIn` for the prior of users."""

    mean: float
    noise: float
    users: Posterior
    items: Posterior
    item_implied: Matrix  # (n_movies, 1 + d)
    prior: Matrix  # (3, 1 + d)
    damping: float

    def predict(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the predicted stars (k,) of pairs."""
        return np.concatenate(
            [
                _predict(
                    self.mean,
                    self.users.means[users[start : start + _BLOCK]],
                    self.items.means[items[start : start + _BLOCK]],
                )
                for start in range(0, len(users), _BLOCK)
            ]
            or [np.empty(0)]
        )


def fit_gaussian_factors(
    stars: sp.csr_matrix, config: StarsConfig, progress: Callable[[float], None]
) -> GaussianFactors:
    """Fit the model to `stars` (n_users, n_movies) by mean-field variational inference.

    Users and items take turns: each side's posterior follows from the other's means and variances. The priors' means
    are ridge regressions of the means on what is implied; variances and noise are what maximises the bound.
    """
    mean = float(stars.data.mean(dtype=np.float64)) if stars.nnz else 0.0
    centred = with_data(stars, stars.data - np.float32(mean))
    sides = centred, centred.T.tocsr()
    users, items, item_vectors = _implied(stars, config)
    width = 1 + config.factors
    of_items = Posterior(_first(items, stars.shape[1], width), np.full((stars.shape[1], width), 0.1, np.float32))
    priors = [Posterior(np.zeros((n, width), np.float32), np.full(width, 0.1, np.float32)) for n in stars.shape]
    noise = 0.8
    for iteration in range(config.iterations):
        of_users = _posterior(sides[0], of_items, priors[0], noise)
        user_weights, priors[0] = _prior(of_users, users, np.diff(sides[0].indptr) > 0)
        of_items = _posterior(sides[1], of_users, priors[1], noise)
        _, priors[1] = _prior(of_items, items, np.diff(sides[1].indptr) > 0)
        noise = _noise(centred, of_users, of_items)
        progress((iteration + 1) / config.iterations)
    of_users = _posterior(sides[0], of_items, priors[0], noise)
    of_users.means[np.diff(stars.indptr) == 0] = 0  # as fold-in has them
    scaled = user_weights[:-1] / users.scale[:, None]
    intercept = user_weights[-1] - users.mean @ scaled
    prior = np.stack([intercept, scaled[-1], priors[0].variances])
    lengths = np.diff(stars.indptr)
    damping = float(damped_degrees(lengths, config.damping).min() - lengths.min())
    return GaussianFactors(mean, noise, of_users, of_items, item_vectors @ scaled[:-1], prior, damping)


def _implied(stars: sp.csr_matrix, config: StarsConfig) -> tuple[Implied, Implied, Matrix]:
    """Return the implied features of users and items, and the vectors (n_movies, k) whose sums project users."""
    counts = np.diff(stars.indptr), np.bincount(stars.indices, minlength=stars.shape[1])
    degrees = damped_degrees(counts[1], config.damping)
    matrix = normalised(stars, degrees, config.damping)
    if not stars.nnz:
        vectors = np.zeros((stars.shape[1], 1), dtype=np.float32)
        projected = np.zeros((stars.shape[0], 1), dtype=np.float32)
        return _standardised(projected, counts[0]), _standardised(vectors, counts[1]), vectors
    k = max(1, min(config.implied_factors, *(int(np.count_nonzero(count)) for count in counts)))
    _, vectors = right_singular_vectors(matrix, k, _SOLVER_ITERATIONS, silent)
    projected = matrix @ vectors
    item_vectors = vectors * (degrees**-0.5).astype(np.float32)[:, None]
    return _standardised(projected, counts[0]), _standardised(matrix.T @ projected, counts[1]), item_vectors


def _standardised(projected: Matrix, counts: NDArray[np.int64]) -> Implied:
    columns = np.column_stack([projected, np.log1p(counts)]).astype(np.float32)
    rated = columns[counts > 0] if counts.any() else columns
    mean, scale = rated.mean(axis=0), rated.std(axis=0)
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return Implied(np.column_stack([(columns - mean) / scale, np.ones(len(columns), np.float32)]), mean, scale)


def _first(items: Implied, n: int, width: int) -> Matrix:
    """Return the first means of items: factors that are implied, which break the symmetry; zeros for the rest."""
    means = np.zeros((n, width), dtype=np.float32)
    k = min(width - 1, items.features.shape[1] - 2)
    means[:, 1 : k + 1] = _FIRST * items.features[:, :k]
    return means


def _posterior(centred: sp.csr_matrix, other: Posterior, prior: Posterior, noise: float) -> Posterior:
    """Return the posterior of the rows of `centred` ratings, from that of its columns; `prior`: means (n, 1 + d)."""
    width = other.means.shape[1]
    design = other.means.copy()
    design[:, 0] = 1
    moments = design[:, :, None] * design[:, None, :]
    inner = np.arange(1, width)
    moments[:, inner, inner] += other.variances[:, 1:]
    moments, biases = moments.reshape(len(design), -1), other.means[:, :1] * design

    def posterior_of(rows: slice) -> Posterior:
        ratings = centred[rows]
        is_rated = with_data(ratings, np.ones(ratings.nnz, dtype=np.float32))
        precision = (is_rated @ moments).reshape(-1, width, width) / np.float32(noise)
        precision[:, np.arange(width), np.arange(width)] += 1 / prior.variances
        right_side = (ratings @ design - is_rated @ biases) / np.float32(noise)
        right_side += prior.means[rows] / prior.variances
        covariance = np.linalg.inv(precision)
        means = np.einsum("nij,nj->ni", covariance, right_side)
        return Posterior(means, np.ascontiguousarray(np.diagonal(covariance, axis1=1, axis2=2)))

    with thread_map() as parallel:
        parts = list(parallel(posterior_of, row_spans(centred.indptr, parallel.threads)))
    return Posterior(*map(np.concatenate, zip(*parts, strict=True)))


def _prior(posterior: Posterior, implied: Implied, is_rated: NDArray[np.bool_]) -> tuple[Matrix, Posterior]:
    """Return weights (k + 2, 1 + d) of the implied features, and the prior: means (n, 1 + d), variances (1 + d,)."""
    features, means = implied.features[is_rated].astype(np.float64), posterior.means[is_rated]
    gram = features.T @ features + _RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ means).astype(np.float32)
    expected = implied.features @ weights
    if not is_rated.any():
        return weights, Posterior(expected, np.full(means.shape[1], 0.1, np.float32))
    variances = np.mean((means - expected[is_rated]) ** 2 + posterior.variances[is_rated], axis=0)
    return weights, Posterior(expected, np.maximum(variances, 1e-6).astype(np.float32))


def _noise(centred: sp.csr_matrix, users: Posterior, items: Posterior) -> float:
    """Return the expected squared error of a rating, over the posteriors."""
    lines = np.repeat(np.arange(centred.shape[0], dtype=np.int32), np.diff(centred.indptr))

    def squares_from(start: int) -> float:
        i, j = lines[start : start + _BLOCK], centred.indices[start : start + _BLOCK]
        p, q = users.means[i], items.means[j]
        error = centred.data[start : start + _BLOCK] - _predict(0.0, p, q)
        p[:, 0] = q[:, 0] = 1
        s, t = users.variances[i], items.variances[j]
        variance = np.einsum("nj,nj->n", q**2, s) + np.einsum("nj,nj->n", p**2, t)
        variance += np.einsum("nj,nj->n", s[:, 1:], t[:, 1:])
        return float((error**2 + variance).sum(dtype=np.float64))

    with thread_map() as parallel:
        total = sum(parallel(squares_from, range(0, centred.nnz, _BLOCK)))
    return max(total / max(centred.nnz, 1), 1e-3)


def _predict(mean: float, users: Matrix, items: Matrix) -> NDArray[np.float64]:
    product = np.einsum("nj,nj->n", users[:, 1:], items[:, 1:])
    return np.asarray(mean + users[:, 0] + items[:, 0] + product, dtype=np.float64)
