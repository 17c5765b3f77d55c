"""Presence: films with features in the same blocks are similar, whatever the features. A control, never served.

What is written about a film tells how popular it is. A content model knows something of films only where it beats this.
"""

from __future__ import annotations

import numpy as np

from recommender.about import About
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import PresenceConfig
from training.progress import Progress

_TIE_BREAKERS, _TIE_SCALE = 8, 1e-3  # random coordinates: catalogues list well-known films first


class Presence(Configured[PresenceConfig]):
    """score(i, j) = cosine of the 0/1 vectors of the blocks that i and j have; ties in random order."""

    config_type = PresenceConfig
    about = About(label="Presence alone", sentence="What kinds of features a film has.", share="other")
    uses_ratings = False

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Note which blocks each film has. Array: the embedding, (n_movies, blocks + _TIE_BREAKERS)."""
        n_movies = data.tags.matrix.shape[0]
        has = [data.tags.has_block(name) for name in data.tags.blocks]
        noise = _TIE_SCALE * np.random.default_rng(seed).normal(size=(n_movies, _TIE_BREAKERS))
        embedding = unit_rows(np.column_stack([*has, noise]).astype(np.float32))
        progress("presence", 1.0)
        part = SimilarityPart(name="presence", embedding="presence_embedding")
        spec = SimilaritySpec(parts=[part], like=data.feedback.like_stars)
        return FittedModel("presence", {}, {"presence_embedding": embedding}, spec, spec)
