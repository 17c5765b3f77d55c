"""EASE: the best linear film-to-film weights in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recommender.scoring.blocks import with_data
from recommender.scoring.specs import ItemWeightsSpec, SimilarityPart, SimilaritySpec
from training.config import Config
from training.kernels.topk import top_k
from training.models.arrays import csr_arrays
from training.models.base import FittedModel, TrainingData
from training.progress import Progress

LINKS = 200  # films like a film that the sparse likeness keeps


class EaseConfig(Config):
    """Regularization and normalisation."""

    regularization: float = Field(300.0, gt=0, description="lambda, on the normalised matrix")
    user_exponent: float = Field(0.25, ge=0, description="each person's row counts n_ratings^-user_exponent")
    item_exponent: float = Field(0.3, ge=0, description="each film's column counts n_ratings^-item_exponent")
    content_weight: float = Field(0.0, ge=0, description="of what films are about, beside who rated them; 0: none")
    content_exponent: float = Field(0.3, ge=0, description="each film's content counts n_ratings^content_exponent")
    max_films: int = Field(20_000, gt=0, description="the most rated films that B covers: memory grows with the square")


class Ease:
    """Steck (2019), "Embarrassingly shallow autoencoders for sparse data", on a degree-normalised matrix.

    B minimises |X - XB|^2 + regularization * |B|^2 with a zero diagonal, for X = D_u^-user_exponent R
    D_i^-item_exponent and R the 0/1 matrix of who rated what. The films' scale is taken off again: scores are
    history @ (D_i^-e B D_i^e).

    Each feature of the movie-tag matrix T stands below X as one more row, as of a person who rated the films that have
    it: content_weight^(1/2) T' D_i^content_exponent (Jeunen, Van Balen and Goethals, 2020, "Closed-form models for
    collaborative filtering with side-information").
    """

    config_type: ClassVar[type[Config]] = EaseConfig

    def __init__(self, config: EaseConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Arrays: dense B (c, c), the films that it covers when it is capped, and each film's best links."""
        covered = self._covered(data.counts)
        capped = len(covered) < len(data.counts)
        dense = self._weights(data.user_item[:, covered], data.tags.matrix[covered], data.counts[covered])
        progress("ease", 1.0)
        arrays: dict[str, NDArray[np.float32] | NDArray[np.int32]] = {"ease_dense": dense}
        if capped:
            arrays["ease_rows"] = covered.astype(np.int32)
        arrays |= csr_arrays("ease_links", links(dense, covered, len(data.counts)))
        users = ItemWeightsSpec(dense="ease_dense", rows="ease_rows" if capped else None)
        items = SimilaritySpec(parts=[SimilarityPart(name="ease", sparse="ease_links")])
        return FittedModel("ease", self.config.model_dump(), arrays, items, users)

    def _covered(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The most rated films, ascending; ties by row."""
        return np.sort(np.argsort(-counts, kind="stable")[: self.config.max_films])

    def _weights(
        self, user_item: sp.csr_matrix, features: sp.csr_matrix, counts: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        lengths = np.diff(user_item.indptr)
        people = np.repeat(np.maximum(lengths, 1) ** -self.config.user_exponent, lengths)
        scale = np.maximum(counts, 1) ** -self.config.item_exponent
        matrix = with_data(user_item, people * scale[user_item.indices])
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        if self.config.content_weight:
            gram += self._content(features, counts)
        gram[np.diag_indices_from(gram)] += self.config.regularization
        inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram, overwrite_a=True), np.eye(len(gram)))
        weights = inverse / -np.diag(inverse)
        weights *= scale[:, None] / scale[None, :]
        np.fill_diagonal(weights, 0)
        return np.ascontiguousarray(weights, dtype=np.float32)

    def _content(self, features: sp.csr_matrix, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """(c, c) what the films' `features` (c, f) add to the Gram matrix."""
        scale = self.config.content_weight**0.5 * np.maximum(counts, 1) ** self.config.content_exponent
        values = features.data * np.repeat(scale, np.diff(features.indptr))
        scaled = with_data(features, values)
        return np.asarray((scaled @ scaled.T).toarray())


def links(dense: NDArray[np.float32], covered: NDArray[np.int64], n_movies: int) -> sp.csr_matrix:
    """(n_movies, n_movies) best positive weights of each row of `dense`."""
    columns, values = top_k(dense, min(LINKS, len(dense)))
    rows, places = np.nonzero(values > 0)
    shape = (n_movies, n_movies)
    return sp.csr_matrix((values[rows, places], (covered[rows], covered[columns[rows, places]])), shape=shape)
