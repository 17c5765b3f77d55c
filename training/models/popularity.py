"""Popularity: films by the share of users who rated them. The baseline of every table, and the last fallback."""

from __future__ import annotations

import numpy as np

from recommender.about import About, Paper
from recommender.scoring.specs import PopularitySpec
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import PopularityConfig
from training.progress import Progress


class Popularity(Configured[PopularityConfig]):
    """score(i) = ratings of i / users."""

    config_type = PopularityConfig
    about = About(
        label="Popularity",
        sentence="The films with the most ratings, the same list for everybody.",
        share="other",
        papers=(Paper(url="https://doi.org/10.1145/1864708.1864721"),),
    )
    seeded = False

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Count the ratings of each film. Array: the shares, (n_movies,)."""
        progress("counting", 1.0)
        shares = (data.counts / max(data.user_item.shape[0], 1)).astype(np.float32)
        spec = PopularitySpec(scores="popularity_scores")
        return FittedModel("popularity", {}, {"popularity_scores": shares}, spec, spec)
