"""New people: factors in closed form from their ratings, with the film side fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.specs import AlsFoldIn, SvdFoldIn

Folded = tuple[NDArray[np.float32], NDArray[np.float32] | None]


def fold_in(
    spec: AlsFoldIn | SvdFoldIn,
    ratings: sp.csr_matrix,
    item_factors: NDArray[np.float32],
    baseline: NDArray[np.float32],
    arrays: Mapping[str, NDArray[Any]],
) -> Folded:
    """User factors (b, d) and, for SVD, user biases (b,) of people known by `ratings` (b, n_movies) in stars.

    `item_factors`: (n_movies, d); `baseline`: (n_movies,) global mean + item bias. A person without ratings gets zeros.
    """
    factors = np.zeros((ratings.shape[0], item_factors.shape[1]), dtype=np.float32)
    bias = np.zeros(ratings.shape[0], dtype=np.float32) if isinstance(spec, SvdFoldIn) else None
    for line in range(ratings.shape[0]):
        span = slice(ratings.indptr[line], ratings.indptr[line + 1])
        rows, stars = ratings.indices[span], ratings.data[span].astype(np.float64)
        if not len(rows):
            continue
        known = item_factors[rows].astype(np.float64)
        if isinstance(spec, AlsFoldIn):
            factors[line] = als_user(spec, known, stars, arrays[spec.gram], len(item_factors))
        else:
            assert bias is not None
            bias[line], factors[line] = svd_user(spec, known, stars - baseline[rows])
    return factors, bias


def als_user(
    spec: AlsFoldIn, known: NDArray[np.float64], stars: NDArray[np.float64], gram: NDArray[np.float64], n_movies: int
) -> NDArray[np.float64]:
    """(d,) factors of one person; `known`: (k, d) factors of the rated films, `stars`: (k,). See AlsFoldIn."""
    system, shares = als_system(spec, known, stars, gram, n_movies)
    return np.asarray(np.linalg.solve(system, shares.sum(axis=1)))


def als_system(
    spec: AlsFoldIn, known: NDArray[np.float64], stars: NDArray[np.float64], gram: NDArray[np.float64], n_movies: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The person's equations: the matrix (d, d), and what each rated film brings to the right-hand side (d, k)."""
    confidence = spec.alpha * (spec.weight_offset + spec.weight_slope * stars)
    size = len(stars) + spec.unobserved_weight * n_movies
    ridge = spec.regularization * size**spec.regularization_exponent
    system = spec.unobserved_weight * gram + (known.T * (confidence - spec.unobserved_weight)) @ known
    system[np.diag_indices_from(system)] += ridge
    return system, known.T * confidence


def svd_user(
    spec: SvdFoldIn, known: NDArray[np.float64], residual: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Bias and (d,) factors of one person; `residual`: (k,) stars minus the films' baseline. See SvdFoldIn."""
    system, shares = svd_system(spec, known, residual)
    solution = np.linalg.solve(system, shares.sum(axis=1))
    return float(solution[0]), solution[1:]


def svd_system(
    spec: SvdFoldIn, known: NDArray[np.float64], residual: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The person's equations: the matrix (1 + d, 1 + d), and what each rated film brings to their right side."""
    design = np.column_stack([np.ones(len(known)), known])
    system = design.T @ design
    system[np.diag_indices_from(system)] += len(known) * spec.regularization
    return system, design.T * residual
