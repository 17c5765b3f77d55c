"""The shape of every question and answer. Answers are built from bytes and are held to these shapes by tests."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_N = 100
DEFAULT_N = 10
TITLE_LENGTH = 200
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def _plain_integer(value: object) -> object:
    """Python reads 1_0, 10.0 and other scripts' digits as integers; a query string should not."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("expected an integer in decimal digits")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("expected more than white space")
    return value


Integer = Annotated[int, BeforeValidator(_plain_integer)]
Count = Annotated[Integer, Field(ge=1, le=MAX_N)]
TitleText = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_LENGTH), AfterValidator(_not_blank)]
MovieId = Annotated[Integer, Field(ge=0, le=2**53)]
Year = Annotated[Integer, Field(ge=1800, le=2200)]


class Asked(BaseModel):
    """Base of what callers send: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


class Query(Asked):
    """Base of query strings."""

    model: Literal["champion", "challenger"] = Field("champion", description="which of the served versions answers")


class SearchQuery(Query):
    """Films by what a person typed."""

    q: TitleText = Field(description="beginning of a title, words of it, or a misspelling", examples=["usual sus"])
    limit: Annotated[Integer, Field(ge=1, le=50)] = Field(10, description="how many films", examples=[10])


class TopQuery(Query):
    """The most rated or best rated films."""

    by: Literal["count", "average"] = Field("count", description="number of ratings, or damped average")
    genre: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(None, examples=["Drama"])
    min_ratings: Annotated[Integer, Field(ge=0, le=10**9)] = Field(0, description="leave rarer films out")
    n: Count = DEFAULT_N


class Answer(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(extra="forbid")


class ModelIdentity(Answer):
    """The model version that answered."""

    name: str = Field(examples=["movielens-recommender"])
    version: str = Field(examples=["3"])
    run_id: str | None = Field(examples=["0f6c1c2d9a5b4f0e8d7c6b5a49382716"])
    algorithm: str = Field(examples=["recommender"])
    stale: bool = Field(description="true while the registry cannot confirm that this is the version to serve")


class FilmOut(Answer):
    """A film."""

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    actors: list[str]
    average_rating: float | None
    rating_count: int


class Movies(Answer):
    """A list of films."""

    model: ModelIdentity
    movies: list[FilmOut]


class Movie(Answer):
    """One film."""

    model: ModelIdentity
    movie: FilmOut


class HistogramBin(Answer):
    """Ratings of one half star."""

    stars: float
    count: int


class MovieRatings(Answer):
    """How a film was rated."""

    model: ModelIdentity
    movie_id: int
    title: str
    average_rating: float | None
    rating_count: int
    histogram: list[HistogramBin]


class GenreFigures(Answer):
    """One genre's size and rating."""

    genre: str
    movies: int
    ratings: int
    average_rating: float | None


class Genres(Answer):
    """All genres."""

    model: ModelIdentity
    genres: list[GenreFigures]


class Summary(Answer):
    """The data behind the model."""

    model: ModelIdentity
    dataset: dict[str, Any]
    histogram: list[HistogramBin]


class RegistryView(Answer):
    """What the puller last saw of the registry."""

    reachable: bool
    checked_at: float | None
    error: str | None
    refusals: list[dict[str, Any]]


class ModelCard(Answer):
    """The served version in full."""

    model: ModelIdentity
    created: str
    git_commit: str | None
    dataset: dict[str, Any]
    parameters: dict[str, Any]
    metrics: list[dict[str, Any]]
    movies: int
    users: int
    registry: RegistryView


class AdminVersions(Answer):
    """The local store as this worker sees it."""

    served: str | None
    pointers: dict[str, str | None]
    versions: list[dict[str, Any]]
    registry: dict[str, Any]
    refusals: list[dict[str, Any]]


class Problem(BaseModel):
    """RFC 9457 problem details; some kinds carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
