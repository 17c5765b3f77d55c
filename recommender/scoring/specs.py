"""What a bundle's manifest says about each scorer: its kind, its numbers and the names of its arrays.

A scorer is data. Training writes a spec and arrays; `recommender.scoring.scorers` turns the two into scores, the same
way in evaluation and in serving.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """Base of everything in a manifest: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PopularitySpec(Spec):
    """The same score for everyone."""

    kind: Literal["popularity"] = "popularity"
    scores: str = Field(description="array (n_movies,) float32")


class SimilarityPart(Spec):
    """One source of likeness between films i and j: weight * query_gain[i] * candidate_gain[j] * likeness(i, j)."""

    name: str = Field(description="what people are told: als, content, ...")
    weight: float = 1.0
    embedding: str | None = Field(None, description="array (n_movies, d) float32, rows of length 1 or 0: cosine")
    sparse: str | None = Field(None, description="prefix of <prefix>_indptr/_indices/_data, CSR (n_movies, n_movies)")
    query_gain: str | None = Field(None, description="array (n_movies,) float32; 1 where absent")
    candidate_gain: str | None = Field(None, description="array (n_movies,) float32; 1 where absent")


class SimilaritySpec(Spec):
    """Films like a film: the weighted sum of the parts. For a person: the weighted sum over the films of the history.

    `profile_weight` says how a rating r counts for a person: `binary` 1; `likes` 1 for r >= 4 and 0 below;
    `rating` r / 5; `centred` r - 3. A person none of whose ratings would count is known by all of them, as `rating`.
    """

    kind: Literal["similarity"] = "similarity"
    parts: list[SimilarityPart]
    profile_weight: Literal["binary", "likes", "rating", "centred"] = "likes"


class AlsFoldIn(Spec):
    """Closed-form user factors of implicit ALS (Hu, Koren and Volinsky, 2008; scaling of Rendle et al., 2021).

    x = (g Y'Y + sum_i (c_i - g) y_i y_i' + lambda_u I)^-1 sum_i c_i y_i, over the films i of the history, with the
    confidence c_i = alpha * (weight_offset + weight_slope * r_i), g = unobserved_weight and
    lambda_u = regularization * (n_ratings + unobserved_weight * n_movies)^regularization_exponent.
    """

    kind: Literal["als"] = "als"
    gram: str = Field(description="array (d, d) float64, Y'Y")
    regularization: float
    alpha: float = 1.0
    weight_offset: float = 0.0
    weight_slope: float = 1.0
    unobserved_weight: float = 1.0
    regularization_exponent: float = 0.0


class SvdFoldIn(Spec):
    """Ridge solution for a new user's bias and factors with the film side fixed.

    Minimises sum_i (r_i - mean - b_i - b - q_i'p)^2 + n_ratings * regularization * (b^2 + |p|^2), the objective of
    Surprise's SVD, in which every rating brings its own share of regularization.
    """

    kind: Literal["svd"] = "svd"
    regularization: float


class FactorSpec(Spec):
    """score(u, i) = global_mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i]."""

    kind: Literal["factor"] = "factor"
    user_factors: str = Field(description="array (n_users, d) float32")
    item_factors: str = Field(description="array (n_movies, d) float32")
    user_bias: str | None = Field(None, description="array (n_users,) float32")
    item_bias: str | None = Field(None, description="array (n_movies,) float32")
    global_mean: float = 0.0
    fold_in: Annotated[AlsFoldIn | SvdFoldIn, Field(discriminator="kind")]


class ItemWeightsSpec(Spec):
    """score(u, .) = history(u) @ B, with B films x films: item-KNN (sparse) or EASE (dense).

    `rows` names the films that a dense B covers when it is capped by popularity; other films score 0. The history
    counts as `binary` (1 for each rating) or `rating` (r / 5).
    """

    kind: Literal["item_weights"] = "item_weights"
    dense: str | None = Field(None, description="array (c, c) float32")
    rows: str | None = Field(None, description="array (c,) int32, film row of each line of the dense B")
    sparse: str | None = Field(None, description="prefix of a CSR matrix (n_movies, n_movies)")
    profile_weight: Literal["binary", "rating"] = "binary"


class EnsembleMember(Spec):
    """A scorer with its weight in the sum."""

    name: str
    weight: float
    spec: Annotated[PopularitySpec | SimilaritySpec | FactorSpec | ItemWeightsSpec, Field(discriminator="kind")]


class EnsembleSpec(Spec):
    """Weighted sum of the members' scores, each z-scored for each person over the films not yet in the history."""

    kind: Literal["ensemble"] = "ensemble"
    members: list[EnsembleMember]


ItemSpec = Annotated[PopularitySpec | SimilaritySpec, Field(discriminator="kind")]
UserSpec = Annotated[
    PopularitySpec | SimilaritySpec | FactorSpec | ItemWeightsSpec | EnsembleSpec, Field(discriminator="kind")
]
