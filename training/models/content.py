"""Content similarity: genres, era, credits and tags of the films, compressed by TruncatedSVD."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.config import Config
from training.models.arrays import unit_rows
from training.models.base import MOST_FACTORS, FittedModel, TrainingData
from training.progress import Progress


class ContentConfig(Config):
    """Parameters of the compression; configs/datasets weights the blocks of the movie-tag matrix."""

    factors: int = Field(128, gt=0, le=MOST_FACTORS)
    iterations: int = Field(5, gt=0, description="power iterations of the randomised solver")


class Content:
    """Latent semantic analysis (Deerwester et al., 1990) of the films x features matrix; scores are cosines."""

    config_type: ClassVar[type[Config]] = ContentConfig
    label: ClassVar[str] = "Content"
    seeded: ClassVar[bool] = True
    uses_ratings: ClassVar[bool] = False

    def __init__(self, config: ContentConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Compress the features. Array: unit-length embedding of each film; a film without features has zeros."""
        arrays = {"content_embedding": unit_rows(self._compress(data.tags.matrix, seed))}
        progress("content", 1.0)
        parts = [SimilarityPart(name="content", embedding="content_embedding")]
        spec = SimilaritySpec(parts=parts, like=data.feedback.like_stars)
        return FittedModel(
            "content", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding"
        )

    def _compress(self, matrix: sp.csr_matrix, seed: int) -> NDArray[np.float32]:
        """Return the coordinates of the rows, (n, factors); a column of zeros where there are no features."""
        factors = min(self.config.factors, min(matrix.shape) - 1)
        if factors < 1:
            return np.asarray(sp.hstack([matrix, sp.csr_matrix((matrix.shape[0], 1))]).toarray(), dtype=np.float32)
        from sklearn.decomposition import TruncatedSVD  # takes a second to import

        solver = TruncatedSVD(factors, n_iter=self.config.iterations, random_state=seed)
        return np.asarray(solver.fit_transform(matrix))
