"""Answers of /recommend/ and /tags: ranked films with their reasons, and names to steer a list by."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from client.answers.base import (
    Answer,
    FilmFacets,
    FilmGenres,
    FilmId,
    FilmPeople,
    FilmTitle,
    FilmYear,
    MeanStars,
    ModelIdentity,
    Tally,
)


class FilmSubject(Answer):
    """The film that the list is for."""

    title: FilmTitle
    movie_id: FilmId
    matched: Literal["exact", "without_article", "alternative_title", "fuzzy", "movie_id"] = Field(
        description="how the question named it", examples=["exact"]
    )


class PersonSubject(Answer):
    """The person that the list is for."""

    user_id: int | str | None = Field(examples=[42])
    ratings: int = Field(description="ratings that the list is made from", examples=[5])
    matched: Literal["user_id", "ratings", "start"]


class Reason(Answer):
    """One thing that moved a score."""

    kind: str = Field(description="film, genre, tag, director, actor, part of the model, steering", examples=["genre"])
    name: str = Field(examples=["Comedy"])
    contribution: float = Field(description="what it added to the score", examples=[0.12])
    movie_id: int | str | None = Field(None, description="of the rated film, where the reason is one", examples=[6])
    rating: float | None = Field(None, description="what the person gave it", examples=[4.5])


class Explained(Answer):
    """score = sum of the contributions + rest."""

    reasons: tuple[Reason, ...]
    rest: float = Field(description="averages, and what is not named", examples=[0.031])


class Recommendation(Answer):
    """A film in a list, best first."""

    rank: int = Field(ge=1, examples=[1])
    movie_id: FilmId
    title: FilmTitle
    year: FilmYear
    genres: FilmGenres
    directors: FilmPeople
    actors: FilmPeople
    facets: FilmFacets = None
    score: float = Field(description="compares within this list alone", examples=[0.873211])
    average_rating: MeanStars
    rating_count: Tally
    predicted_rating: float | None = Field(
        None, description="rating that the person would give, in lists for a person", examples=[4.21]
    )
    explanation: Explained | None = Field(None, description="where it was asked for")


class Recommendations(Answer):
    """The answer of /recommend/."""

    query: FilmSubject | PersonSubject
    model: ModelIdentity
    recommendations: list[Recommendation]
    # A client puts the header x-recommendation-id here; the service's body has no such member.
    recommendation_id: SkipJsonSchema[str | None] = Field(None, exclude=True)


class Suggestion(Answer):
    """A film that a title may have meant, in the problem that answers an unknown or ambiguous title."""

    movie_id: int | str
    title: str
    year: int | None


class TagOut(Answer):
    """Something that films have more or less of."""

    kind: str = Field(examples=["tag"])
    name: str = Field(examples=["pixar"])
    movies: int = Field(description="films that it is among the strongest features of", examples=[21])


class Tags(Answer):
    """Names for tag_boost and tag_suppress, those of most films first."""

    model: ModelIdentity
    tags: list[TagOut]
