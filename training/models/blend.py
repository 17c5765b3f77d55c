"""Films like a film: taste and content in one weighted likeness."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recommender.specs import SimilarityPart, SimilaritySpec
from training.config import Config
from training.models.als import AlsConfig
from training.models.base import FittedModel, Progress, TrainingData
from training.models.content import ContentConfig
from training.models.fits import Fits
from training.models.newcomers import Reception, with_newcomers
from training.models.scaling import scale_rows

Vector = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]


class BlendConfig(Config):
    """The parts, each with the numbers of its own file unless they are stated here, and how they are weighed."""

    als: AlsConfig
    content: ContentConfig
    als_weight: float = Field(1.0, ge=0)
    content_weight: float = Field(1.0, gt=0)
    content_boost: float = Field(1.0, ge=0, description="extra weight of content on a query without ratings")
    trust: float = Field(5.0, gt=0, description="n ratings are trusted n / (n + trust)")
    full_evidence: float = Field(6.0, gt=0, description="a candidate counts sqrt(min(1, (n + 1) / full_evidence))")
    content_evidence: float = Field(10.0, gt=0, description="the same for content")
    star_damping: float = Field(20.0, ge=0, description="ratings at the mean of all that count beside a film's own")
    newcomer_regularization: float = Field(0.5, gt=0, description="of what is expected of a film without ratings")
    newcomer_gain: float = Field(1.0, gt=0, description="of the taste that is expected of a candidate without ratings")


class Blend:
    """score(i, j) = sum over parts of weight * gain(i) * gain(j) * likeness(i, j).

    Likeness by taste (ALS) counts as far as the ratings of both films can be trusted; content counts more the less the
    query can be. By either part a candidate counts in proportion to its mean stars: of equally like films the better
    loved one comes first. Each row of a part is divided by its tenth-best value, so that weights mean the same for
    every query; the weights add up to 1, so that a film as near as the tenth-best by both parts scores about 1.

    A candidate that nobody has rated is new, not little seen: it has the taste, the number of ratings and the stars
    that are expected of a film of its content; the taste has a gain that makes up for an expectation being less like
    any one film than the film itself would be.
    """

    config_type: ClassVar[type[Config]] = BlendConfig

    def __init__(self, config: BlendConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the parts on `data` and combine them."""
        return self.combine(Fits(data, seed, progress))

    def combine(self, fits: Fits) -> FittedModel:
        """Arrays: embeddings and gains."""
        als, content = fits.get("als", self.config.als), fits.get("content", self.config.content)
        what, counts = content.arrays["content_embedding"], fits.data.counts
        known = Reception(als.arrays["als_embedding"], counts.astype(np.float64), self._stars(fits.data))
        usual = with_newcomers(known, what, self.config.newcomer_regularization)
        arrays: Arrays = {
            "blend_als": usual.taste,
            "content_embedding": what,
            **self._query_gains(counts),
            **self._candidate_gains(usual, new=counts == 0),
        }
        spec = SimilaritySpec(parts=self._parts())
        found = scale_rows(spec.parts, arrays, fits.data.canonical)
        fits.progress("blend", 1.0)
        return FittedModel(
            "blend",
            self.config.model_dump(),
            arrays,
            spec,
            spec,
            content_embedding="content_embedding",
            nearest=found,
        )

    def _parts(self) -> list[SimilarityPart]:
        total = self.config.als_weight + self.config.content_weight
        return [
            SimilarityPart(
                name="als",
                weight=self.config.als_weight / total,
                embedding="blend_als",
                query_gain="blend_als_gain",
                candidate_gain="blend_als_candidate_gain",
            ),
            SimilarityPart(
                name="content",
                weight=self.config.content_weight / total,
                embedding="content_embedding",
                query_gain="blend_content_gain",
                candidate_gain="blend_content_candidate_gain",
            ),
        ]

    def _stars(self, data: TrainingData) -> NDArray[np.float64]:
        """(n_movies,) damped mean stars of each film against the mean of all ratings."""
        ratings = data.user_item
        mean = float(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 1.0
        sums = np.bincount(ratings.indices, weights=ratings.data, minlength=ratings.shape[1])
        damping = self.config.star_damping
        return np.asarray((sums / mean + damping) / np.maximum(data.counts + damping, 1))

    def _query_gains(self, counts: NDArray[np.int64]) -> dict[str, Vector]:
        trusted = counts / (counts + self.config.trust)
        content = 1 + self.config.content_boost * (1 - trusted)
        return {
            "blend_als_gain": trusted.astype(np.float32),
            "blend_content_gain": content.astype(np.float32),
        }

    def _candidate_gains(self, usual: Reception, new: NDArray[np.bool_]) -> dict[str, Vector]:
        config, counts = self.config, usual.counts
        evidence, seen = (
            np.sqrt(np.minimum(1, (counts + 1) / full)) for full in (config.full_evidence, config.content_evidence)
        )
        trusted = counts / (counts + config.trust)
        fair = np.where(new, config.newcomer_gain, 1)
        return {
            "blend_als_candidate_gain": (usual.stars * trusted * evidence * fair).astype(np.float32),
            "blend_content_candidate_gain": (usual.stars * seen).astype(np.float32),
        }
