"""Typed parameters of every algorithm: the keys of configs/models/<name>.yaml.

Apart from the algorithms, so that a wrong key is refused before a library or a data set is loaded.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from recommender.scoring.specs import AlsFoldIn
from training.config import Config

LEAST_DENSITY = "share of pairs that are rated, below which the weight of what was not rated falls"
DISLIKE = "weight of the lowest rating, against similar films, beside a like's"
RARITY_EXPONENT = 0.75  # of ALS, which regularizes the same whatever the catalogue: docs/experiments.md
MOST_FACTORS = 4096  # more is a slip: ALS alone would need a matrix of factors x factors


class PopularityConfig(Config):
    """Configuration without parameters."""


class PresenceConfig(Config):
    """Configuration without parameters."""


class SvdConfig(Config):
    """Parameters of `surprise.SVD`."""

    factors: int = Field(100, gt=0, le=MOST_FACTORS, description="length of the vector of a user or an item")
    iterations: int = Field(20, gt=0, description="passes over the ratings (n_epochs)")
    learning_rate: float = Field(0.005, gt=0, description="lr_all")
    regularization: float = Field(0.02, ge=0, description="reg_all")
    init_deviation: float = Field(0.1, ge=0, description="standard deviation of the first factors")
    blocks: int = Field(16, gt=0, description="side of the grid of disjoint blocks; 1 is Surprise's own order")


class StarsConfig(Config):
    """Parameters of the Gaussian factors and of their intervals."""

    factors: int = Field(10, gt=0, le=256, description="of each user and item, beside a bias")
    implied_factors: int = Field(20, gt=0, le=256, description="of the matrix of who rated what")
    iterations: int = Field(10, gt=0, description="rounds of estimating users, then items")
    damping: float = Field(0.3, ge=0, description="mean degrees that are added to every degree of that matrix")
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the ratings that intervals are calibrated on")


class DensityConfig(Config):
    """Parameters that depend on the density of the data: the share of the pairs of users and items that are rated."""

    def at_density(self, density: float, likes: float = 1.0) -> Self:
        """Return the parameters for data of this density; those returned are the same for data of any other.

        `likes`: the share of the ratings that is to be predicted.
        """
        raise NotImplementedError


class ConfidenceConfig(DensityConfig):
    """Parameters of the confidence of a rating in ALS and iALS."""

    gram: ClassVar[str]  # name of the array that a fold-in needs
    factors: int = Field(64, gt=0, le=MOST_FACTORS, description="length of the vector of a user or an item")
    weight_offset: float = Field(0.5, ge=0, description="confidence of r stars: alpha * (offset + slope * r)")
    weight_slope: float = Field(0.15, ge=0, description="growth of the confidence with each star")
    least_density: float = Field(0.012, ge=0, le=1, description=LEAST_DENSITY)
    dislike: float = Field(0.2, ge=0, description=DISLIKE)

    def fold_in(self, like: float | None = None) -> AlsFoldIn:
        """Return the fold-in of new users that minimises the same objective. `like`: in stars; None: every rating."""
        return AlsFoldIn(gram=self.gram, like=like, **self.model_dump(include=set(AlsFoldIn.model_fields)))


class AlsConfig(ConfidenceConfig):
    """Parameters of `implicit.als.AlternatingLeastSquares`, and of the confidence of a rating."""

    gram: ClassVar[str] = "als_gram"
    iterations: int = Field(20, gt=0, description="rounds of solving for users, then for items")
    regularization: float = Field(20.0, ge=0, description="lambda: penalty on the squared length of the vectors")
    alpha: float = Field(2.0, gt=0, description="weight of what was seen against what was not")
    every_rating: bool = Field(False, description="learn from every rating as from a like, whatever the target")

    def at_density(self, density: float, likes: float = 1.0) -> Self:
        """Return the parameters with an `alpha` that grows as ratings get rarer."""
        alpha = self.alpha * rarity(density, self.least_density) ** RARITY_EXPONENT
        return self.model_copy(update={"alpha": alpha, "least_density": 0.0})

    def weight(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the confidence of ratings (n,) in stars, without the factor alpha."""
        return self.weight_offset + self.weight_slope * stars


class IalsConfig(ConfidenceConfig):
    """Parameters of the paper, under the names that they have in ALS."""

    gram: ClassVar[str] = "ials_gram"
    iterations: int = Field(16, gt=0, description="rounds of solving for users, then for items")
    regularization: float = Field(0.03, gt=0, description="lambda: penalty on the squared length of the vectors")
    regularization_exponent: float = Field(1.0, ge=0, le=1, description="nu: 0 as in ALS, 1 as in a loss per rating")
    unobserved_weight: float = Field(0.1, gt=0, description="alpha_0: weight of every pair that was not rated")
    alpha: float = Field(1.0, gt=0, description="weight of what was rated")
    likes_exponent: float = Field(0.0, ge=0, description="alpha is divided by this power of the share of likes")

    def at_density(self, density: float, likes: float = 1.0) -> Self:
        """Return the parameters with `unobserved_weight` in inverse proportion to how rare ratings are.

        Likes weigh more the fewer of the ratings they are.
        """
        weight = self.unobserved_weight / rarity(density, self.least_density)
        alpha = self.alpha / (likes or 1.0) ** self.likes_exponent
        changes = {"unobserved_weight": weight, "least_density": 0.0, "alpha": alpha, "likes_exponent": 0.0}
        return self.model_copy(update=changes)


class ContentConfig(Config):
    """Parameters of the compression; configs/datasets weights the blocks of the movie-tag matrix."""

    factors: int = Field(128, gt=0, le=MOST_FACTORS, description="length of an item's vector after compression")
    block_factors: int = Field(64, gt=0, le=MOST_FACTORS, description="of each block that is missing for many films")
    block_regularization: float = Field(1.0, gt=0, description="of what the other blocks tell of such a block")
    iterations: int = Field(5, gt=0, description="power iterations of the randomised solver")


class ItemKnnConfig(Config):
    """Parameters of the similarity; see `training.kernels.cooccurrence`."""

    neighbours: int = Field(200, gt=0, description="kept for each film")
    exponent: float = Field(0.5, ge=0, le=1, description="1/2: cosine; 1: lift")
    shrinkage: float = Field(10.0, ge=0, description="common viewers at which a similarity counts half")
    user_exponent: float = Field(0.25, ge=0, description="each person counts n_ratings^-user_exponent")
    dislike: float = Field(0.2, ge=0, description=DISLIKE)


class EaseConfig(Config):
    """Regularization, normalisation, content and covered films."""

    regularization: float = Field(300.0, gt=0, description="lambda, on the normalised matrix")
    user_exponent: float = Field(0.25, ge=0, description="each person's row counts n_ratings^-user_exponent")
    item_exponent: float = Field(0.3, ge=0, description="each film's column counts n_ratings^-item_exponent")
    content_weight: float = Field(0.0, ge=0, description="of what films are about, beside who rated them; 0: none")
    content_exponent: float = Field(0.3, ge=0, description="each film's content counts n_ratings^content_exponent")
    max_films: int = Field(
        10_000, gt=0, description="rated films up to which B is exact: memory grows with their square; else sparse"
    )
    min_ratings: int = Field(0, ge=0, description="ratings that a film must have to be covered, where B is exact")
    dislike: float = Field(0.2, ge=0, description=DISLIKE)


class LowPassConfig(Config):
    """Parameters of the filter; see `training.models.factors.low_pass`."""

    factors: int = Field(600, gt=0, le=MOST_FACTORS, description="at the most")
    factor_share: float = Field(0.033, gt=0, description="factors for each root of users times items")
    iterations: int = Field(4, gt=0, description="of the randomised solver")
    damping: float = Field(2.0, ge=0, description="mean degrees that are added to every degree")
    item_exponent: float = Field(0.25, ge=0, description="e: share of popularity in the scores")
    filter_exponent: float = Field(0.5, ge=0, description="p: 0 keeps all singular vectors alike")
    dislike: float = Field(0.2, ge=0, description=DISLIKE)

    def factors_for(self, users: int, items: int) -> int:
        """Return the number of factors for so many users and items with ratings."""
        return max(1, min(self.factors, round(self.factor_share * math.sqrt(users * items)), users, items))


class BlendConfig(Config):
    """Parameters of the members (those of their own files where not stated here), and how they are weighted."""

    als: AlsConfig = Field(description="parameters of the member that knows taste")
    content: ContentConfig = Field(description="parameters of the member that knows content")
    content_weight: float = Field(0.15, gt=0, description="of content beside taste, on a well-rated query")
    content_boost: float = Field(5.0, ge=0, description="extra share of it on a query without ratings")
    ubiquity: float = Field(3.0, ge=0, description="taste counts (1 - share of people who rated the query)^ubiquity")
    trust: float = Field(3.0, gt=0, description="n ratings are trusted n / (n + trust)")
    star_damping: float = Field(50.0, ge=0, description="ratings at the mean of all that count beside a film's own")
    newcomer_regularization: float = Field(0.5, gt=0, description="of what is expected of a film without ratings")
    newcomer_share: float = Field(
        1.0,
        ge=0,
        description="of places in lists that films without ratings get, beside their expected share of ratings",
    )


class EnsembleConfig(Config):
    """Parameters of the members (those of their own files where not stated here), and their weights."""

    als: AlsConfig = Field(description="parameters of the member")
    ials: IalsConfig = Field(description="parameters of the member")
    ease: EaseConfig = Field(description="parameters of the member")
    low_pass: LowPassConfig = Field(description="parameters of the member")
    weights: dict[Literal["als", "ials", "ease", "low_pass"], Annotated[float, Field(ge=0)]] | None = Field(
        None, description="of each member; by default chosen on validation parts of the training part"
    )
    damping: float = Field(0.2, ge=0, description="weight of popularity against a film, where likes are predicted")
    stars: StarsConfig = Field(description="parameters of what predicts stars")
    stars_weight: float = Field(0.1, ge=0, description="weight of expected stars, where every rating is predicted")
    correction: bool = Field(True, description="false: neither; chosen too, unless weights are given")

    @field_validator("weights")
    @classmethod
    def _has_a_member(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is not None and not any(weights.values()):
            raise ValueError("expected a weight above 0")
        return weights


def rarity(density: float, least_density: float) -> float:
    """Return how many times rarer ratings are than `least_density`; 1 where they are not."""
    return max(1.0, least_density / density) if density else 1.0


PARAMETERS: dict[str, type[Config]] = {
    "popularity": PopularityConfig,
    "svd": SvdConfig,
    "stars": StarsConfig,
    "als": AlsConfig,
    "content": ContentConfig,
    "item_knn": ItemKnnConfig,
    "ease": EaseConfig,
    "blend": BlendConfig,
    "ials": IalsConfig,
    "ensemble": EnsembleConfig,
    "low_pass": LowPassConfig,
    "presence": PresenceConfig,
}
