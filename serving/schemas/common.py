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
    """Python reads true, 1_0, 10.0 and other scripts' digits as integers; a caller does not mean them so."""
    if isinstance(value, bool) or (isinstance(value, str) and not _DIGITS.fullmatch(value)):
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
    min_ratings: Annotated[Integer, Field(ge=0, le=10**9)] = Field(
        0, description="leave rarer films out", examples=[20]
    )
    n: Count = Field(DEFAULT_N, description="how many films", examples=[10])


class Answer(BaseModel):
    """Base of answers."""

    model_config = ConfigDict(extra="forbid")


# What answers say of a film, wherever they say it.
FilmId = Annotated[int, Field(description="MovieLens id", examples=[1])]
FilmTitle = Annotated[str, Field(examples=["Toy Story"])]
FilmYear = Annotated[int | None, Field(description="none where it is not known", examples=[1995])]
FilmGenres = Annotated[list[str], Field(examples=[["Animation", "Children", "Comedy"]])]
FilmPeople = Annotated[list[str], Field(description="empty where nobody said", examples=[["Tom Hanks", "Tim Allen"]])]
MeanStars = Annotated[float | None, Field(description="mean stars; none without ratings", examples=[3.88])]
Tally = Annotated[int, Field(examples=[452])]


class ModelIdentity(Answer):
    """The model version that answered."""

    name: str = Field(examples=["movielens-recommender"])
    version: str = Field(examples=["3"])
    run_id: str | None = Field(examples=["0f6c1c2d9a5b4f0e8d7c6b5a49382716"])
    algorithm: str = Field(examples=["recommender"])
    stale: bool = Field(
        description="true while the registry cannot confirm that this is the version to serve", examples=[False]
    )


class FilmOut(Answer):
    """A film."""

    movie_id: FilmId
    title: FilmTitle
    year: FilmYear
    genres: FilmGenres
    directors: FilmPeople
    actors: FilmPeople
    average_rating: MeanStars
    rating_count: Tally


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

    stars: float = Field(examples=[4.5])
    count: Tally


class MovieRatings(Answer):
    """How a film was rated."""

    model: ModelIdentity
    movie_id: FilmId
    title: FilmTitle
    average_rating: MeanStars
    rating_count: Tally
    histogram: list[HistogramBin]


class GenreFigures(Answer):
    """One genre's size and rating."""

    genre: str = Field(examples=["Comedy"])
    movies: Tally
    ratings: Tally
    average_rating: MeanStars


class Genres(Answer):
    """All genres."""

    model: ModelIdentity
    genres: list[GenreFigures]


class Summary(Answer):
    """The data behind the model."""

    model: ModelIdentity
    dataset: dict[str, Any] = Field(
        description="name, fingerprint and snapshot", examples=[{"name": "ml-100k", "users": 943, "ratings": 100000}]
    )
    histogram: list[HistogramBin]


class RefusalOut(Answer):
    """A version that the puller did not take."""

    version: str = Field(examples=["4"])
    reason: str = Field(examples=["Array content holds values that are not finite."])
    at: float = Field(description="seconds since 1970", examples=[1767225600.0])


class RegistryView(Answer):
    """What the puller last saw of the registry."""

    reachable: bool = Field(examples=[True])
    checked_at: float | None = Field(description="seconds since 1970", examples=[1767225600.0])
    error: str | None = Field(examples=["The registry cannot be read: database is locked"])
    refusals: list[RefusalOut]


class ModelCard(Answer):
    """The served version in full."""

    model: ModelIdentity
    created: str = Field(description="ISO 8601, UTC", examples=["2026-01-01T00:00:00+00:00"])
    git_commit: str | None = Field(examples=["1a5521f"])
    dataset: dict[str, Any] = Field(examples=[{"name": "ml-100k", "fingerprint": "5f3c", "snapshot": {"users": 943}}])
    parameters: dict[str, Any] = Field(examples=[{"factors": 64}])
    metrics: list[dict[str, Any]] = Field(
        description="figures with protocol and 95 % interval",
        examples=[[{"protocol": "latest20", "name": "ndcg_at_10", "value": 0.21, "lo": 0.2, "hi": 0.22}]],
    )
    movies: Tally
    users: Tally
    registry: RegistryView


class StoredVersion(Answer):
    """A version in the local store."""

    key: str = Field(description="its directory", examples=["3-0f6c1c2d"])
    name: str = Field(examples=["movielens-recommender"])
    version: str = Field(examples=["3"])
    run_id: str | None = Field(examples=["0f6c1c2d9a5b4f0e8d7c6b5a49382716"])
    algorithm: str = Field(examples=["recommender"])


class AdminVersions(Answer):
    """The local store as this worker sees it."""

    served: str | None = Field(description="directory of the served version", examples=["3-0f6c1c2d"])
    pointers: dict[str, str | None] = Field(examples=[{"champion": "3-0f6c1c2d", "challenger": None}])
    versions: list[StoredVersion]
    registry: RegistryView
