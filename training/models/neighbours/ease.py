"""EASE: the best linear film-to-film weights in closed form.

For large catalogues each film's weights come from a regression on the films most like it, so that B is sparse.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

from recommender.about import About, Paper
from recommender.errors import DataError
from recommender.scoring.blocks import with_data
from recommender.scoring.specs import ItemWeightsSpec, SimilarityPart, SimilaritySpec
from training.kernels.cooccurrence import cooccurrence_top_k
from training.kernels.least_squares import regress_columns
from training.kernels.ordering import ranks_in_rows
from training.kernels.topk import top_k
from training.models.arrays import csr_arrays, tie_break
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import EaseConfig
from training.progress import Progress

LINKS = 200  # similar films of each film that the sparse matrix keeps
_MIRRORED = 256  # rows that are mirrored at once
ENTRIES = 400  # of the Gram matrix that are kept for each film: memory grows with their number
PREDICTORS = 150  # films that speak for a film


class Ease(Configured[EaseConfig]):
    """Steck (2019), "Embarrassingly shallow autoencoders for sparse data", on a degree-normalised matrix.

    B minimises |X - XB|^2 + regularization * |B|^2 with a zero diagonal, for X = D_u^-user_exponent R
    D_i^-item_exponent and R the 0/1 matrix of the ratings to be predicted: who liked what, or who rated it. The films'
    scale is taken off again: scores are history @ (D_i^-e B D_i^e), with dislikes as negative weights of the history.

    Each feature of the movie-tag matrix T stands below X as one more row, as of a person who rated the films that have
    it: content_weight^(1/2) T' D_i^content_exponent (Jeunen, Van Balen and Goethals, 2020, "Closed-form models for
    collaborative filtering with side-information").
    """

    config_type = EaseConfig
    about = About(
        label="EASE",
        sentence="Learns in one step how far a rating of one film speaks for another.",
        share="people",
        papers=(Paper(url="https://arxiv.org/abs/1905.03375"),),
    )
    seeded = False

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Solve for B. Arrays: dense B (c, c), the c films that it covers where not all, and each film's best links.

        Of more than `max_films` rated films, the sparse B (n_movies, n_movies) of all, without their content.
        """
        if np.count_nonzero(data.counts) > self.config.max_films:
            return self._fit_sparse(data, progress)
        covered = np.flatnonzero(data.counts >= self.config.min_ratings)
        is_partial = len(covered) < len(data.counts)
        lengths = np.maximum(np.diff(data.user_item[:, covered].indptr), 1)
        likes = data.likes(np.repeat(lengths**-self.config.user_exponent, np.diff(data.user_item.indptr)))
        dense = self._weights(likes[:, covered], data.tags.matrix[covered], data.counts[covered])
        progress("ease", 1.0)
        arrays: dict[str, NDArray[np.float32] | NDArray[np.int32]] = {"ease_dense": dense}
        if is_partial:
            arrays["ease_rows"] = covered.astype(np.int32)
        arrays |= csr_arrays("ease_links", links(dense, covered, len(data.counts)))
        rows = "ease_rows" if is_partial else None
        users = ItemWeightsSpec(dense="ease_dense", rows=rows, **data.profile(self.config.dislike))
        items = SimilaritySpec(parts=[SimilarityPart(name="ease", sparse="ease_links")])
        return FittedModel("ease", self.config.model_dump(), arrays, items, users)

    def _fit_sparse(self, data: TrainingData, progress: Progress) -> FittedModel:
        lengths = np.diff(data.user_item.indptr)
        people = data.likes(np.repeat(np.maximum(lengths, 1) ** -self.config.user_exponent, lengths))
        scale = np.maximum(data.counts, 1) ** -self.config.item_exponent
        weights = sparse_weights(people, scale.astype(np.float32), self.config.regularization)
        progress("ease", 1.0)
        items = SimilaritySpec(parts=[SimilarityPart(name="ease", sparse="ease_sparse")])
        users = ItemWeightsSpec(sparse="ease_sparse", prior="ease_prior", **data.profile(self.config.dislike))
        arrays = csr_arrays("ease_sparse", weights) | {"ease_prior": tie_break(people.getnnz(axis=0))}
        return FittedModel("ease", self.config.model_dump(), arrays, items, users)

    def _weights(self, likes: sp.csr_matrix, features: sp.csr_matrix, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return B (c, c). `likes`: (n_users, c) the weight of each user's row, where they like the film."""
        scale = np.maximum(counts, 1) ** -self.config.item_exponent
        matrix = with_data(likes, likes.data * scale[likes.indices])
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        if self.config.content_weight:
            gram += self._content(features, counts)
        gram[np.diag_indices_from(gram)] += self.config.regularization
        weights = invert(gram)
        weights /= -np.diag(weights) * scale
        weights *= scale[:, None]
        np.fill_diagonal(weights, 0)
        return np.ascontiguousarray(weights, dtype=np.float32)

    def _content(self, features: sp.csr_matrix, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the term (c, c) that the films' `features` (c, f) add to the Gram matrix."""
        scale = self.config.content_weight**0.5 * np.maximum(counts, 1) ** self.config.content_exponent
        values = features.data * np.repeat(scale, np.diff(features.indptr))
        scaled = with_data(features, values)
        return np.asarray((scaled @ scaled.T).toarray())


def invert(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a symmetric positive definite matrix (n, n), in its place.

    LAPACK computes one triangle: two fifths of the work of solving for the identity.
    """
    if not len(matrix):  # which LAPACK refuses
        return matrix
    factor, failed = lapack.dpotrf(matrix.T, overwrite_a=True, clean=False)
    if failed:
        raise DataError("EASE: the item-item matrix cannot be inverted; raise `regularization`.")
    inverse = lapack.dpotri(factor, overwrite_c=True)[0].T
    for start in range(0, len(inverse), _MIRRORED):  # the lower triangle over the upper one
        rows = slice(start, start + _MIRRORED)
        below = slice(start + _MIRRORED, None)
        corner = inverse[rows, rows]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        inverse[rows, below] = inverse[below, rows].T
    return np.asarray(inverse)


def links(dense: NDArray[np.float32], covered: NDArray[np.int64], n_movies: int) -> sp.csr_matrix:
    """Return the best positive weights of each row of `dense`, as a sparse matrix (n_movies, n_movies)."""
    columns, values = top_k(dense, min(LINKS, len(dense)))
    rows, places = np.nonzero(values > 0)
    shape = (n_movies, n_movies)
    return sp.csr_matrix((values[rows, places], (covered[rows], covered[columns[rows, places]])), shape=shape)


def sparse_weights(user_item: sp.csr_matrix, scale: NDArray[np.float32], regularization: float) -> sp.csr_matrix:
    """Return B (n, n) of EASE, for X = `user_item` diag(`scale`), with at most PREDICTORS entries in each column.

    Column j minimises |x_j - X_S b|^2 + regularization |b|^2 over the films S with the highest cosine to j, after
    Steck (2019), "Markov random fields for collaborative filtering". The films' scale is taken off again.
    """
    n = user_item.shape[1]
    squares = np.asarray(user_item.multiply(user_item).sum(axis=0), dtype=np.float32).ravel()
    cosines = cooccurrence_top_k(user_item, min(ENTRIES, n - 1), exponent=0.5, shrinkage=0.0)
    predictors = _strongest(cosines, min(PREDICTORS, n - 1))
    lengths = np.sqrt(squares) * scale
    cosines = cosines.maximum(cosines.T).tocsr()
    products = np.repeat(lengths, np.diff(cosines.indptr)) * lengths[cosines.indices]
    gram = with_data(cosines, cosines.data * products)
    weights = regress_columns(gram, lengths**2, predictors, regularization)
    columns, places = np.nonzero((predictors >= 0) & (weights != 0))
    rows = predictors[columns, places]
    values = weights[columns, places] * scale[rows] / scale[columns]
    return sp.csr_matrix((values, (rows, columns)), shape=(n, n))


def _strongest(matrix: sp.csr_matrix, k: int) -> NDArray[np.int32]:
    """Return the columns (n, k) of the highest entries of each row, ties by column; -1 where there are fewer."""
    columns = np.full((matrix.shape[0], k), -1, dtype=np.int32)
    rows, ranks = ranks_in_rows(matrix)
    is_kept = ranks < k
    columns[rows[is_kept], ranks[is_kept]] = matrix.indices[is_kept]
    return columns
