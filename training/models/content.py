"""Films alike by what they are: genres, decade, credits and tags, compressed by TruncatedSVD."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import TruncatedSVD

from recommender.specs import SimilarityPart, SimilaritySpec
from training.config import Config
from training.datasets.store import TagMatrix
from training.models.arrays import unit_rows
from training.models.base import FittedModel, Progress, TrainingData

LEAST_RARITY = 1e-3  # what a feature of every film still counts


class ContentConfig(Config):
    """How the movie-tag matrix is weighted and compressed."""

    factors: int = Field(128, gt=0)
    iterations: int = Field(5, gt=0, description="power iterations of the randomised solver")
    weights: dict[str, float] = Field({}, description="weight of each block of the movie-tag matrix; 1 where absent")


class Content:
    """Latent semantic analysis (Deerwester et al., 1990) of the films x features matrix; likeness is the cosine."""

    config_type: ClassVar[type[Config]] = ContentConfig

    def __init__(self, config: ContentConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Array: unit-length embedding of each film; a film without any feature has zeros."""
        matrix = weighted(data.tags, self.config.weights)
        factors = min(self.config.factors, min(matrix.shape) - 1)
        solver = TruncatedSVD(factors, n_iter=self.config.iterations, random_state=seed)
        arrays = {"content_embedding": unit_rows(solver.fit_transform(matrix))}
        progress("content", 1.0)
        spec = SimilaritySpec(parts=[SimilarityPart(name="content", embedding="content_embedding")])
        return FittedModel(
            "content", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding"
        )


def weighted(tags: TagMatrix, weights: dict[str, float]) -> sp.csr_matrix:
    """The movie-tag matrix, each column times idf, each block at unit length times the root of its weight.

    A dot product of two rows is then the weighted sum of the blocks' cosines.
    """
    parts = []
    for name, (first, last) in tags.blocks.items():
        block = tags.matrix[:, first:last]
        count = np.bincount(block.indices, minlength=last - first)
        block = sp.csr_matrix(block @ sp.diags(idf(count, block.shape[0])))
        lengths = np.sqrt(np.asarray(block.multiply(block).sum(axis=1)).ravel())
        scale = np.divide(weights.get(name, 1.0) ** 0.5, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        parts.append(sp.diags(scale) @ block)
    return sp.csr_matrix(sp.hstack(parts, format="csr", dtype=np.float32))


def idf(count: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """log(n / count): the rarer a feature, the more it says (Spärck Jones, 1972); a little for one that all share."""
    return np.asarray(np.log(n / np.maximum(count, 1)) + LEAST_RARITY)
