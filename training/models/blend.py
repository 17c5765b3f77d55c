"""Films like a film: taste and content in one weighted likeness."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.config import Config
from training.models.als import AlsConfig
from training.models.base import FittedModel, TrainingData
from training.models.content import ContentConfig
from training.models.fits import Fits
from training.models.newcomers import Reception, with_newcomers
from training.progress import Progress

Vector = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


class BlendConfig(Config):
    """The parts, each with the numbers of its own file unless they are stated here, and how they are weighed."""

    als: AlsConfig
    content: ContentConfig
    content_weight: float = Field(0.15, gt=0, description="of content beside taste, on a query that few but many know")
    content_boost: float = Field(5.0, ge=0, description="extra share of it on a query without ratings")
    ubiquity: float = Field(3.0, ge=0, description="taste counts (1 - share of people who rated the query)^ubiquity")
    trust: float = Field(3.0, gt=0, description="n ratings are trusted n / (n + trust)")
    star_damping: float = Field(50.0, ge=0, description="ratings at the mean of all that count beside a film's own")
    newcomer_regularization: float = Field(0.5, gt=0, description="of what is expected of a film without ratings")
    newcomer_gain: float = Field(1.13, gt=0, description="of a candidate without ratings")


class Blend:
    """score(i, j) = (t_i * cosine of tastes + c_i * cosine of contents) / (t_i + c_i) * reception(j).

    t_i = (1 - share of people who rated i)^ubiquity: what everybody has seen tells nobody's taste. The share is that of
    one person more, who has not, so that a film without content still has its taste to go by.
    c_i = content_weight * (1 + content_boost * (1 - trusted(i))) with trusted(i) = n_i / (n_i + trust): content speaks
    where few ratings do. reception(j) = trusted(j) * damped mean stars of j over the mean of all ratings: of equally
    like films the better loved one comes first, and a film that hardly anybody has rated last.

    A film that nobody has rated is new, not little seen: it has the taste, and is received with the number of ratings
    and the stars, that are expected of a film of its content; as a candidate it has a gain, because an expectation is
    less like any one film than the film itself would be. Where no film is rated all are received alike.
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
            **self._query_gains(fits.data),
            "blend_reception": self._reception(usual, new=counts == 0),
        }
        spec = SimilaritySpec(parts=[_part("als", "blend_als"), _part("content", "content_embedding")])
        fits.progress("blend", 1.0)
        return FittedModel("blend", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding")

    def _stars(self, data: TrainingData) -> Vector:
        """(n_movies,) damped mean stars of each film over the mean of all ratings."""
        ratings = data.user_item
        mean = float(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 1.0
        sums = np.bincount(ratings.indices, weights=ratings.data, minlength=ratings.shape[1])
        damping = self.config.star_damping
        return np.asarray((sums / mean + damping) / np.maximum(data.counts + damping, 1))

    def _query_gains(self, data: TrainingData) -> Arrays:
        """What each part counts on each film as a query; the two add up to 1."""
        raters = int(np.count_nonzero(np.diff(data.user_item.indptr)))
        taste = (1 - data.counts / (raters + 1)) ** self.config.ubiquity
        unsure = 1 - self._trusted(data.counts)
        content = self.config.content_weight * (1 + self.config.content_boost * unsure)
        return {
            "blend_als_gain": (taste / (taste + content)).astype(np.float32),
            "blend_content_gain": (content / (taste + content)).astype(np.float32),
        }

    def _reception(self, usual: Reception, new: NDArray[np.bool_]) -> NDArray[np.float32]:
        if new.all():
            return np.ones(len(new), dtype=np.float32)
        fair = np.where(new, self.config.newcomer_gain, 1)
        return np.asarray(self._trusted(usual.counts) * usual.stars * fair, dtype=np.float32)

    def _trusted(self, counts: NDArray[Any]) -> Vector:
        return np.asarray(counts / (counts + self.config.trust))


def _part(name: str, embedding: str) -> SimilarityPart:
    return SimilarityPart(
        name=name, embedding=embedding, query_gain=f"blend_{name}_gain", candidate_gain="blend_reception"
    )
