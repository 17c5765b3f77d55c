"""Queries and bodies that ask for lists of films."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from serving.schemas.common import (
    DEFAULT_N,
    Count,
    Integer,
    Query,
    RequestModel,
    TitleText,
    Year,
)
from serving.schemas.data_values import MovieId, Rating, UserId

MAX_EXCLUDED = 1000
MAX_ENTRIES = 10_000  # ratings and likes of one history
SUBJECTS = ("title", "movie_id", "user_id")

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
FacetValue = Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[^:]+:.")]
Ratings = Annotated[Integer, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ListOptions(RequestModel):
    """How a list is cut, whoever it is for."""

    n: Count = Field(DEFAULT_N, description="how many films", examples=[10])
    genres: list[Name] = Field([], max_length=20, description="at least one of these genres", examples=[["Comedy"]])
    facet: list[FacetValue] = Field(
        [],
        max_length=20,
        description="facet:value; of each facet that is named, at least one of its values",
        examples=[["directors:John Lasseter"]],
    )
    year_from: Year | None = Field(None, description="released in this year or later", examples=[1980])
    year_to: Year | None = Field(None, description="released in this year or earlier", examples=[1999])
    min_ratings: Ratings = Field(0, description="leave films with fewer ratings out", examples=[20])
    exclude: list[MovieId] = Field([], max_length=MAX_EXCLUDED, description="ids of films to leave out", examples=[[1]])
    diversity: Share = Field(
        0.0, description="0 keeps the order of the scores, 1 looks at unlikeness within the list alone", examples=[0.3]
    )
    tag_boost: list[Name] = Field(
        [], max_length=10, description="more of these tags, genres or people", examples=[["dreamlike"]]
    )
    tag_suppress: list[Name] = Field(
        [], max_length=10, description="less of these tags, genres or people", examples=[["genre:Horror"]]
    )
    explain: bool = Field(False, description="say what moved each score", examples=[True])
    fuzzy: bool = Field(
        False, description="take part of a title, or a misspelt one, where one film stands clear", examples=[True]
    )

    @model_validator(mode="after")
    def _years_in_order(self) -> ListOptions:
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise ValueError("expected year_from not to be after year_to")
        return self


class RecommendQuery(ListOptions, Query):
    """Films like a film or for a user: exactly one of `title`, `movie_id` and `user_id`."""

    title: TitleText | None = Field(
        None, description="title of a film, with or without its year", examples=["Toy Story"]
    )
    movie_id: MovieId | None = Field(None, description="id of a film", examples=[1])
    user_id: UserId | None = Field(None, description="id of a user of the training data", examples=[42])

    @model_validator(mode="after")
    def _one_subject(self) -> RecommendQuery:
        if sum(getattr(self, name) is not None for name in SUBJECTS) != 1:
            raise ValueError("expected exactly one of title, movie_id and user_id")
        return self


class RatedFilm(RequestModel):
    """A film, by exactly one of `movie_id` and `title`, and its rating."""

    movie_id: MovieId | None = Field(None, examples=[1])
    title: TitleText | None = Field(None, examples=["Heat (1995)"])
    rating: Rating = Field(
        description="on the scale of the data set; the weight of an event where it has no ratings", examples=[4.5]
    )

    @model_validator(mode="after")
    def _one_name(self) -> RatedFilm:
        if (self.movie_id is None) == (self.title is None):
            raise ValueError("expected exactly one of movie_id and title")
        return self


class RecommendBody(ListOptions):
    """Films for a person without an account, by what the person rated or likes; or films like a film, steered by tags.

    Nothing is stored. Without any film it is a start list: what most people like.
    """

    ratings: list[RatedFilm] = Field([], max_length=MAX_ENTRIES, description="films with ratings")
    likes: list[MovieId | TitleText] = Field(
        [], max_length=MAX_ENTRIES, description="films that the person likes, by id or title", examples=[[1, "Heat"]]
    )
    on_unmatched: Literal["skip", "fail"] = Field(
        "skip",
        description="skip: leave entries out that no film or several match, and list them in `query.unmatched`; "
        "fail: answer with the problem of the first",
        examples=["skip"],
    )
    title: TitleText | None = Field(
        None, description="films like this one, in the place of ratings and likes", examples=["Heat"]
    )
    movie_id: MovieId | None = Field(None, description="the same by id", examples=[6])

    @model_validator(mode="after")
    def _one_subject(self) -> RecommendBody:
        person = bool(self.ratings or self.likes)
        if person + (self.title is not None) + (self.movie_id is not None) > 1:
            raise ValueError("expected at most one of title, movie_id, and ratings with likes")
        return self

    @model_validator(mode="after")
    def _not_too_many(self) -> RecommendBody:
        if len(self.ratings) + len(self.likes) > MAX_ENTRIES:
            raise ValueError(f"expected at most {MAX_ENTRIES} ratings and likes together")
        return self


class TagQuery(Query):
    """Names for tag_boost and tag_suppress."""

    q: Annotated[str, StringConstraints(max_length=80)] = Field("", description="part of a name", examples=["pix"])
    limit: Annotated[Integer, Field(ge=1, le=100)] = Field(20, description="how many names", examples=[20])
