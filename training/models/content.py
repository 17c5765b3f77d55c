"""Content similarity: genres, era, credits and tags of the films, compressed by TruncatedSVD."""

from __future__ import annotations

from typing import ClassVar

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
        from sklearn.decomposition import TruncatedSVD  # takes a second to import

        matrix = data.tags.matrix
        factors = min(self.config.factors, min(matrix.shape) - 1)
        solver = TruncatedSVD(factors, n_iter=self.config.iterations, random_state=seed)
        arrays = {"content_embedding": unit_rows(solver.fit_transform(matrix))}
        progress("content", 1.0)
        parts = [SimilarityPart(name="content", embedding="content_embedding")]
        spec = SimilaritySpec(parts=parts, like=data.feedback.like_stars)
        return FittedModel(
            "content", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding"
        )
