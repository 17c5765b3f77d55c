"""Fold-in: factors of new users in closed form from their ratings, with the item factors fixed.

The factors solve a linear system whose right-hand side is a sum over the rated films, so that explanations can tell
what each rating adds to a score (Hu, Koren and Volinsky, 2008, section 5).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import NewUserError
from recommender.scoring.blocks import Arrays
from recommender.scoring.specs import AlsFoldIn, GaussianFoldIn, SvdFoldIn
from recommender.scoring.weights import confidence

Matrix = NDArray[np.float64]
Factors32 = NDArray[np.float32]
Rows = NDArray[np.integer[Any]]
UserVectors = tuple[Factors32, Factors32 | None]  # factors (b, d) and biases (b,), if the model has them


class FoldIn(ABC):
    """The linear system of one user's factors; d unknowns for d factors, one more if the user has a bias."""

    def __init__(self, item_factors: Factors32, unknowns: int) -> None:
        """`item_factors`: (n_movies, number of factors); `unknowns`: d."""
        self._item_factors = item_factors
        self._unknowns = unknowns

    @abstractmethod
    def system(self, rated: Rows, stars: Matrix) -> tuple[Matrix, Matrix]:
        """Return one user's linear system: its matrix (d, d), and each rated film's share of the right side (d, k).

        `rated`: (k,) film rows; `stars`: (k,) float64.
        """

    def candidate_vectors(self, candidates: Rows) -> Matrix:
        """Return vectors (c, d) of candidate films: their products with a user's solution are the scores."""
        return self._item_factors[candidates].astype(np.float64)

    @abstractmethod
    def fold_in(self, ratings: sp.csr_matrix) -> UserVectors:
        """Return the factors and biases of users known by `ratings` (b, n_movies) in stars."""

    def solutions(self, ratings: sp.csr_matrix) -> Factors32:
        """Solve the systems of b users, known by their ratings: (b, d), zeros for a user without ratings."""
        solved = np.zeros((ratings.shape[0], self._unknowns), dtype=np.float32)
        for user in range(ratings.shape[0]):
            span = slice(ratings.indptr[user], ratings.indptr[user + 1])
            if span.start < span.stop:
                solved[user] = self.solve(ratings.indices[span], ratings.data[span].astype(np.float64))
        return solved

    def solve(self, rated: Rows, stars: Matrix) -> Matrix:
        """Solve one user's system for the factors (d,), preceded by the bias if the model has one.

        `rated`: (k,) film rows; `stars`: (k,) float64.
        """
        matrix, right_sides = self.system(rated, stars)
        return np.asarray(np.linalg.solve(matrix, right_sides.sum(axis=1)))


class NoSystem(FoldIn):
    """No system: every question about a new user's factors raises NewUserError."""

    def system(self, rated: Rows, stars: Matrix) -> NoReturn:
        raise NewUserError(
            "This model has no fold-in: it recommends for users of its training data alone, not for somebody new by "
            "their ratings. Ask for a user, or take a model with a fold-in."
        )

    def fold_in(self, ratings: sp.csr_matrix) -> NoReturn:
        self.system(ratings.indices, ratings.data)


class AlsSystem(FoldIn):
    """The normal equations of implicit ALS; see AlsFoldIn."""

    def __init__(self, spec: AlsFoldIn, item_factors: Factors32, gram: Matrix) -> None:
        """`item_factors`: (n_movies, d); `gram`: (d, d) their Gram matrix."""
        super().__init__(item_factors, item_factors.shape[1])
        self._spec = spec
        self._gram = gram

    def system(self, rated: Rows, stars: Matrix) -> tuple[Matrix, Matrix]:
        spec, factors = self._spec, self.candidate_vectors(rated)
        weights = confidence(spec, stars)
        is_like = weights > 0
        size = np.count_nonzero(is_like) + spec.unobserved_weight * len(self._item_factors)
        ridge = spec.regularization * size**spec.regularization_exponent
        observed = (factors.T * np.where(is_like, weights - spec.unobserved_weight, 0)) @ factors
        matrix = spec.unobserved_weight * self._gram + observed
        matrix[np.diag_indices_from(matrix)] += ridge
        return matrix, factors.T * weights

    def fold_in(self, ratings: sp.csr_matrix) -> tuple[Factors32, None]:
        return self.solutions(ratings), None


class BiasedSystem(FoldIn):
    """A system whose first unknown is the user's bias."""

    def __init__(self, item_factors: Factors32, baseline: Factors32) -> None:
        """`item_factors`: (n_movies, d); `baseline`: (n_movies,) global mean + item bias."""
        super().__init__(item_factors, item_factors.shape[1] + 1)
        self._baseline = baseline

    def candidate_vectors(self, candidates: Rows) -> Matrix:
        return np.column_stack([np.ones(len(candidates)), self._item_factors[candidates].astype(np.float64)])

    def fold_in(self, ratings: sp.csr_matrix) -> tuple[Factors32, Factors32]:
        solved = self.solutions(ratings)
        return np.ascontiguousarray(solved[:, 1:]), solved[:, 0]


class SvdSystem(BiasedSystem):
    """The normal equations of a user's bias and factors; see SvdFoldIn."""

    def __init__(self, spec: SvdFoldIn, item_factors: Factors32, baseline: Factors32) -> None:
        super().__init__(item_factors, baseline)
        self._spec = spec

    def system(self, rated: Rows, stars: Matrix) -> tuple[Matrix, Matrix]:
        design = self.candidate_vectors(rated)
        matrix = design.T @ design
        matrix[np.diag_indices_from(matrix)] += len(rated) * self._spec.regularization
        return matrix, design.T * (stars - self._baseline[rated])


class GaussianSystem(BiasedSystem):
    """The precision of a user's bias and factors, times the noise; see GaussianFoldIn."""

    def __init__(self, spec: GaussianFoldIn, item_factors: Factors32, baseline: Factors32, arrays: Arrays) -> None:
        super().__init__(item_factors, baseline)
        self._spec = spec
        self._variances, self._implied = arrays[spec.item_variances], arrays[spec.item_implied]
        self._intercept, self._slope, variance = arrays[spec.prior].astype(np.float64)
        self._precision = spec.noise / variance

    def system(self, rated: Rows, stars: Matrix) -> tuple[Matrix, Matrix]:
        design, n = self.candidate_vectors(rated), len(rated)
        matrix = design.T @ design
        uncertainty = self._variances[rated].sum(axis=0, dtype=np.float64)
        matrix[np.diag_indices_from(matrix)] += self._precision + np.concatenate([[0], uncertainty])
        implied = self._implied[rated] / np.sqrt(n + self._spec.damping)
        prior = implied + (self._intercept + self._slope * np.log1p(n)) / n  # shared by the films rated
        return matrix, design.T * (stars - self._baseline[rated]) + (prior * self._precision).T
