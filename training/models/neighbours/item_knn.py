"""Item-based nearest neighbours by common viewers."""

from __future__ import annotations

import numpy as np

from recommender.about import About, Paper
from recommender.scoring.specs import ItemWeightsSpec, SimilarityPart, SimilaritySpec
from training.kernels.cooccurrence import cooccurrence_top_k
from training.models.arrays import csr_arrays, tie_break
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import ItemKnnConfig
from training.progress import Progress


class ItemKnn(Configured[ItemKnnConfig]):
    """Sarwar et al. (2001), "Item-based collaborative filtering recommendation algorithms", on who rated what."""

    config_type = ItemKnnConfig
    about = About(
        label="Item-KNN",
        sentence="Counts how many people rated both of two films.",
        share="people",
        papers=(Paper(url="https://doi.org/10.1145/371920.372071"),),
    )
    seeded = False

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Compute the similarities. Arrays: the sparse matrix (n_movies, n_movies), a prior (n_movies,) for ties."""
        lengths = np.diff(data.user_item.indptr)
        weights = np.repeat(np.maximum(lengths, 1) ** -self.config.user_exponent, lengths)
        likes = data.likes(weights)
        similarities = cooccurrence_top_k(
            likes,
            min(self.config.neighbours, data.user_item.shape[1] - 1),
            exponent=self.config.exponent,
            shrinkage=self.config.shrinkage,
        )
        progress("item_knn", 1.0)
        items = SimilaritySpec(parts=[SimilarityPart(name="item_knn", sparse="item_knn")])
        # Who has only dislikes scores 0 everywhere but below similar films: what many like comes first there.
        arrays = csr_arrays("item_knn", similarities) | {"item_knn_prior": tie_break(likes.getnnz(axis=0))}
        users = ItemWeightsSpec(sparse="item_knn", prior="item_knn_prior", **data.profile(self.config.dislike))
        return FittedModel("item_knn", self.config.model_dump(), arrays, items, users)
