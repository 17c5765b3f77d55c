"""Films like a film: taste, common viewers and content in one weighted likeness."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recommender.specs import SimilarityPart, SimilaritySpec
from training.config import Config
from training.kernels.cooccurrence import cooccurrence_top_k
from training.models.als import AlsConfig
from training.models.arrays import csr_arrays, with_ratings
from training.models.base import FittedModel, Progress, TrainingData
from training.models.content import ContentConfig
from training.models.fits import Fits
from training.models.newcomers import with_newcomers
from training.models.scaling import scale_rows

Vector = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]


class LiftConfig(Config):
    """Shrunk lift of liking both films; see `training.kernels.cooccurrence`. r stars count max(r - 2, 0.1)."""

    neighbours: int = Field(300, gt=0)
    exponent: float = Field(0.5, ge=0, le=1)
    shrinkage: float = Field(10.0, ge=0)


class BlendConfig(Config):
    """The parts, each with the numbers of its own file unless they are stated here, and how they are weighed."""

    als: AlsConfig
    content: ContentConfig
    lift: LiftConfig = LiftConfig()
    als_weight: float = Field(1.0, ge=0)
    lift_weight: float = Field(1.0, ge=0)
    content_weight: float = Field(1.0, gt=0)
    content_boost: float = Field(1.0, ge=0, description="extra weight of content on a query without ratings")
    trust: float = Field(5.0, gt=0, description="n ratings are trusted n / (n + trust)")
    full_evidence: float = Field(6.0, gt=0, description="a candidate counts sqrt(min(1, (n + 1) / full_evidence))")
    content_evidence: float = Field(10.0, gt=0, description="the same for content")
    newcomer_regularization: float = Field(0.5, gt=0, description="of what is expected of a film without ratings")
    newcomer_gain: float = Field(1.15, gt=0, description="of a film without ratings among candidates")


class Blend:
    """score(i, j) = sum over parts of weight * gain(i) * gain(j) * likeness(i, j).

    Collaborative likeness (ALS, lift) counts as far as the ratings of both films can be trusted; content counts more
    the less the query can be. Each row of a part is divided by its tenth-best value, so that weights mean the same for
    every query; the weights add up to 1, so that a film as near as the tenth-best by every part scores about 1.

    A candidate that nobody has rated is new, not little seen: it has the taste and the number of ratings that are
    expected of a film of its content, and a gain that makes up for the lift that it cannot have and for the expectation
    being less like any one film than the film itself would be.
    """

    config_type: ClassVar[type[Config]] = BlendConfig

    def __init__(self, config: BlendConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the parts on `data` and combine them."""
        return self.combine(Fits(data, seed, progress))

    def combine(self, fits: Fits) -> FittedModel:
        """Arrays: embeddings, the sparse lift and the gains."""
        als, content = fits.get("als", self.config.als), fits.get("content", self.config.content)
        what, counts = content.arrays["content_embedding"], fits.data.counts
        taste, usual = with_newcomers(als.arrays["als_embedding"], counts, what, self.config.newcomer_regularization)
        arrays: Arrays = {
            "blend_als": taste,
            "content_embedding": what,
            **csr_arrays("blend_lift", self._lift(fits.data)),
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
        config, shared = self.config, {"candidate_gain": "blend_candidate_gain"}
        total = config.als_weight + config.lift_weight + config.content_weight
        return [
            SimilarityPart(
                name="als",
                weight=config.als_weight / total,
                embedding="blend_als",
                query_gain="blend_als_gain",
                **shared,
            ),
            SimilarityPart(
                name="lift",
                weight=config.lift_weight / total,
                sparse="blend_lift",
                query_gain="blend_lift_gain",
                **shared,
            ),
            SimilarityPart(
                name="content",
                weight=config.content_weight / total,
                embedding="content_embedding",
                query_gain="blend_content_gain",
                candidate_gain="blend_content_candidate_gain",
            ),
        ]

    def _lift(self, data: TrainingData) -> sp.csr_matrix:
        likes = with_ratings(data.user_item, np.maximum(data.user_item.data - 2, 0.1))
        lift = self.config.lift
        neighbours = min(lift.neighbours, likes.shape[1] - 1)
        return cooccurrence_top_k(likes, neighbours, exponent=lift.exponent, shrinkage=lift.shrinkage)

    def _query_gains(self, counts: NDArray[np.int64]) -> dict[str, Vector]:
        trusted = counts / (counts + self.config.trust)
        content = 1 + self.config.content_boost * (1 - trusted)
        return {
            "blend_als_gain": trusted.astype(np.float32),
            "blend_lift_gain": trusted.astype(np.float32),
            "blend_content_gain": content.astype(np.float32),
        }

    def _candidate_gains(self, counts: NDArray[np.float64], new: NDArray[np.bool_]) -> dict[str, Vector]:
        config = self.config
        trusted = counts / (counts + config.trust)
        evidence, seen = (
            np.sqrt(np.minimum(1, (counts + 1) / full)) for full in (config.full_evidence, config.content_evidence)
        )
        fair = np.where(new, config.newcomer_gain, 1)
        return {
            "blend_candidate_gain": (trusted * evidence * fair).astype(np.float32),
            "blend_content_candidate_gain": (seen * fair).astype(np.float32),
        }
