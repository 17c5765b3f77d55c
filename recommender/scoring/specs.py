"""Specs: descriptions of scorers in a bundle's manifest (kind, version, parameters, array names).

Training writes a spec and arrays; `recommender.scoring.scorers` computes scores from them, in evaluation and in serving
alike. A scorer that computes something else from the same parameters gets the next `version`, and a new one a new
`kind`: code that knows neither refuses the bundle by name (`recommender.bundle`), and the format stays.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from recommender.spec import Spec


class ScorerSpec(Spec):
    """Base class of scorers and their parts, discriminated by `kind`; `version`: of the computation."""

    version: Literal[1] = 1


class PopularitySpec(ScorerSpec):
    """The same scores for every user and every film."""

    kind: Literal["popularity"] = "popularity"
    scores: str = Field(description="array (n_movies,) float32")


class SimilarityPart(Spec):
    """One term of the similarity of films i and j.

    Embedding: weight * query_gain[i] * candidate_gain[j] * cosine(i, j). Sparse matrix: weight * matrix[i, j].
    """

    name: str = Field(description="shown in explanations: als, content, ...")
    weight: float = 1.0
    embedding: str | None = Field(None, description="array (n_movies, d) float32, rows of length 1 or 0: cosine")
    sparse: str | None = Field(None, description="prefix of <prefix>_indptr/_indices/_data, CSR (n_movies, n_movies)")
    query_gain: str | None = Field(None, description="array (n_movies,) float32; 1 where absent")
    candidate_gain: str | None = Field(None, description="array (n_movies,) float32; 1 where absent")

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.embedding is None) == (self.sparse is None):
            raise ValueError(f"part {self.name}: expected either an embedding or a sparse matrix")
        if self.sparse and (self.query_gain or self.candidate_gain):
            raise ValueError(
                f"part {self.name}: expected gains with an embedding only, found them with a sparse matrix"
            )
        return self


class SimilaritySpec(ScorerSpec):
    """Similarity of films, the sum of the parts; a user's score of a film is a weighted sum over the films rated.

    `profile_weight` is the weight of a rating of r stars: `binary` 1; `likes` 1 for r >= like and 0 below; `rating`
    r / 5; `centred` r - 3; `signed` 1 for r >= like and -dislike * `depth` of r below. If all weights of a user are 0,
    `rating` is used, but for `signed`.
    """

    kind: Literal["similarity"] = "similarity"
    parts: list[SimilarityPart]
    profile_weight: Literal["binary", "likes", "rating", "centred", "signed"] = "likes"
    like: float = Field(4.0, description="stars of the data set's like threshold")
    dislike: float = Field(0.0, description="weight of the lowest rating against that of a like, for `signed`")


class AlsFoldIn(ScorerSpec):
    """User factors of implicit ALS in closed form (Hu, Koren and Volinsky, 2008; scaling of Rendle et al., 2021).

    x = (g Y'Y + sum_i (c_i - g) y_i y_i' + lambda_u I)^-1 (sum_i c_i y_i - sum_j d_j y_j), over the user's likes i and
    other ratings j, with the confidence c_i = alpha * (weight_offset + weight_slope * r_i), g = unobserved_weight,
    lambda_u = regularization * (n_likes + unobserved_weight * n_movies)^regularization_exponent, and
    d_j = dislike * c(like) * `depth` of r_j. Without `like` every rating is a like.
    """

    kind: Literal["als"] = "als"
    gram: str = Field(description="array (d, d) float64, Y'Y")
    regularization: float
    alpha: float = 1.0
    weight_offset: float = 0.0
    weight_slope: float = 1.0
    unobserved_weight: float = 1.0
    regularization_exponent: float = 0.0
    like: float | None = Field(None, description="stars from which on a rating is a like; None: every rating")
    dislike: float = Field(0.0, description="weight of the lowest rating against that of a like")


class SvdFoldIn(ScorerSpec):
    """User bias and factors of SVD by ridge regression, with item factors and biases fixed.

    Minimises sum_i (r_i - mean - b_i - b - q_i'p)^2 + n_ratings * regularization * (b^2 + |p|^2), the objective of
    Surprise's SVD, which regularizes once per rating.
    """

    kind: Literal["svd"] = "svd"
    regularization: float


class GaussianFoldIn(ScorerSpec):
    """User bias and factors x as the posterior mean of a Gaussian model, with the films' factors fixed.

    Prior: x ~ N(m, diag(v)) with m = intercept + slope * log(1 + n) + sum_i implied_i / sqrt(n + damping), over the n
    films that the user rated: which films somebody chose tells of their taste, whatever they thought of them.
    Likelihood: r_i ~ N(mean + b_i + (1, q_i) . x, noise), with q_i uncertain by its `item_variances`.
    """

    kind: Literal["gaussian"] = "gaussian"
    item_variances: str = Field(description="array (n_movies, d) float32")
    item_implied: str = Field(description="array (n_movies, 1 + d) float32")
    prior: str = Field(description="array (3, 1 + d) float32: intercept, slope and v")
    noise: float = Field(gt=0)
    damping: float = Field(ge=0)


class NoFoldIn(ScorerSpec):
    """No factors for new users: a model without a fold-in answers for the users of its training data alone."""

    kind: Literal["none"] = "none"


class IntervalSpec(Spec):
    """Interval of a predicted rating p, in stars: from p + low * s to p + high * s.

    log s = item_spread[i] + activity * log(1 + n) + user_spread * log(spread of the user's n ratings), see
    `recommender.scoring.intervals`.
    """

    item_spread: str = Field(description="array (n_movies,) float32")
    activity: float
    user_spread: float
    low: float = Field(le=0)
    high: float = Field(ge=0)


class FactorSpec(ScorerSpec):
    """score(u, i) = global_mean + user_bias[u] + item_bias[i] + user_factors[u] . item_factors[i]."""

    kind: Literal["factor"] = "factor"
    user_factors: str = Field(description="array (n_users, d) float32")
    item_factors: str = Field(description="array (n_movies, d) float32")
    user_bias: str | None = Field(None, description="array (n_users,) float32")
    item_bias: str | None = Field(None, description="array (n_movies,) float32")
    global_mean: float = 0.0
    fold_in: Annotated[AlsFoldIn | SvdFoldIn | GaussianFoldIn | NoFoldIn, Field(discriminator="kind")] = NoFoldIn()
    interval: IntervalSpec | None = Field(None, description="of predicted ratings, where it was calibrated")


class ItemWeightsSpec(ScorerSpec):
    """Linear item model: scores(u) = weights(u) @ B, with B (n_movies, n_movies): item-KNN (sparse) or EASE (dense).

    `rows`: the films that a dense B covers if it is limited to popular films; other films score 0. `profile_weight`:
    the weight of a rating r: `binary` 1, `rating` r / 5, `signed` 1 for r >= like and -dislike * `depth` of r below.
    """

    kind: Literal["item_weights"] = "item_weights"
    dense: str | None = Field(None, description="array (c, c) float32")
    rows: str | None = Field(None, description="array (c,) int32, film row of each line of the dense B")
    sparse: str | None = Field(None, description="prefix of a CSR matrix (n_movies, n_movies)")
    prior: str | None = Field(None, description="array (n_movies,) float32 that is added to every user's scores")
    profile_weight: Literal["binary", "rating", "signed"] = "binary"
    like: float = Field(4.0, description="stars from which on a rating is a like, for `signed`")
    dislike: float = Field(0.0, description="weight of the lowest rating against that of a like, for `signed`")


class EnsembleMember(Spec):
    """One scorer of an ensemble and its weight."""

    name: str
    weight: float
    spec: Annotated[PopularitySpec | SimilaritySpec | FactorSpec | ItemWeightsSpec, Field(discriminator="kind")]


class EnsembleSpec(ScorerSpec):
    """Weighted sum of the members' scores, each standardised per user over the films that the user has not rated."""

    kind: Literal["ensemble"] = "ensemble"
    members: list[EnsembleMember]


ItemSpec = Annotated[PopularitySpec | SimilaritySpec, Field(discriminator="kind")]
UserSpec = Annotated[
    PopularitySpec | SimilaritySpec | FactorSpec | ItemWeightsSpec | EnsembleSpec, Field(discriminator="kind")
]


def like_of(spec: UserSpec) -> float | None:
    """Return the stars from which on a scorer takes a rating for a like; None where it takes every one for one."""
    match spec:
        case EnsembleSpec():
            return next((like for member in spec.members if (like := like_of(member.spec)) is not None), None)
        case FactorSpec(fold_in=AlsFoldIn() as fold_in):
            return fold_in.like
        case SimilaritySpec() | ItemWeightsSpec() if spec.profile_weight in ("signed", "likes"):
            return spec.like
    return None


def folds_in(spec: UserSpec) -> bool:
    """Return whether a scorer has scores for new users."""
    if isinstance(spec, EnsembleSpec):
        return all(folds_in(member.spec) for member in spec.members)
    return not (isinstance(spec, FactorSpec) and isinstance(spec.fold_in, NoFoldIn))
