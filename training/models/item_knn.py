"""Item-based nearest neighbours by common viewers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from recommender.scoring.blocks import with_data
from recommender.scoring.specs import ItemWeightsSpec, SimilarityPart, SimilaritySpec
from training.config import Config
from training.kernels.cooccurrence import cooccurrence_top_k
from training.models.arrays import csr_arrays
from training.models.base import FittedModel, TrainingData
from training.progress import Progress


class ItemKnnConfig(Config):
    """Parameters of the similarity; see `training.kernels.cooccurrence`."""

    neighbours: int = Field(200, gt=0, description="kept for each film")
    exponent: float = Field(0.5, ge=0, le=1, description="1/2: cosine; 1: lift")
    shrinkage: float = Field(10.0, ge=0, description="common viewers at which a similarity counts half")
    user_exponent: float = Field(0.25, ge=0, description="each person counts n_ratings^-user_exponent")


class ItemKnn:
    """Sarwar et al. (2001), "Item-based collaborative filtering recommendation algorithms", on who rated what."""

    config_type: ClassVar[type[Config]] = ItemKnnConfig
    label: ClassVar[str] = "Item-KNN"
    seeded: ClassVar[bool] = False
    uses_ratings: ClassVar[bool] = True

    def __init__(self, config: ItemKnnConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Compute the similarities. Arrays: the sparse item-item matrix (n_movies, n_movies)."""
        lengths = np.diff(data.user_item.indptr)
        weights = np.repeat(np.maximum(lengths, 1) ** -self.config.user_exponent, lengths)
        similarities = cooccurrence_top_k(
            with_data(data.user_item, weights),
            min(self.config.neighbours, data.user_item.shape[1] - 1),
            exponent=self.config.exponent,
            shrinkage=self.config.shrinkage,
        )
        progress("item_knn", 1.0)
        items = SimilaritySpec(parts=[SimilarityPart(name="item_knn", sparse="item_knn")])
        arrays = csr_arrays("item_knn", similarities)
        return FittedModel("item_knn", self.config.model_dump(), arrays, items, ItemWeightsSpec(sparse="item_knn"))
