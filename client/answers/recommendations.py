"""Answers of /recommend/ and /tags: ranked films with their reasons, and names to steer a list by."""

from __future__ import annotations

from typing import Annotated, Literal

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
from client.answers.films import FilmOut


class FilmSubject(Answer):
    """The film that the list is for."""

    title: FilmTitle
    movie_id: FilmId
    matched: Literal["exact", "without_article", "alternative_title", "fuzzy", "movie_id"] = Field(
        description="how the question named it", examples=["exact"]
    )


class Suggestion(Answer):
    """A film that a title may have meant, where it is unknown or ambiguous."""

    movie_id: FilmId
    title: FilmTitle
    year: FilmYear
    rating_count: int | None = Field(None, description="older services do not say it", examples=[452])
    link: str | None = Field(None, description="address of films like it", examples=["/recommend/?movie_id=1&n=10"])


class MatchedTitle(Answer):
    """An entry of a posted history that named a film by its title."""

    list: Literal["ratings", "likes"]
    index: int = Field(description="place in that list of the body", examples=[0])
    movie_id: FilmId
    title: FilmTitle
    matched: Literal["exact", "without_article", "alternative_title", "fuzzy"] = Field(examples=["exact"])


class UnmatchedEntry(Answer):
    """An entry of a posted history that was left out."""

    list: Literal["ratings", "likes"]
    index: int = Field(description="place in that list of the body", examples=[0])
    reason: Literal["ambiguous", "not-found", "not-searched", "unknown-id"] = Field(
        description="not-searched: no film has this title, and more entries than are searched for were such",
        examples=["not-found"],
    )
    candidates: tuple[Suggestion, ...] = Field(description="films that it may mean, best first")


class HistoryEntries(Answer):
    """How the entries of a posted history were matched."""

    titles: tuple[MatchedTitle, ...] | None = Field(
        None,
        description="where entries were named by title: what they were matched to",
        examples=[[{"list": "ratings", "index": 0, "movie_id": 6, "title": "Heat", "matched": "exact"}]],
    )
    unmatched: tuple[UnmatchedEntry, ...] | None = Field(
        None,
        description="beside `titles`: entries that were left out",
        examples=[[{"list": "ratings", "index": 1, "reason": "not-found", "candidates": []}]],
    )


class PersonSubject(HistoryEntries):
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


class PeopleSubject(Answer):
    """The two people that the list is for."""

    people: list[int] = Field(description="ratings of each that the list is made from", examples=[[12, 7]])
    aggregation: Literal["least_misery", "mean"] = Field(examples=["least_misery"])
    expected: list[float] | None = Field(
        description="mean rating that each would give the films of this page; none without films", examples=[[4.1, 4.0]]
    )
    matched: Literal["people"]
    entries: tuple[HistoryEntries, HistoryEntries] | None = Field(
        None, description="where entries were named by title or left out: those of each", examples=[[{}, {}]]
    )


class NextPage(Answer):
    """Where the next page of a list begins: the same question with this offset and cursor."""

    offset: int = Field(examples=[10])
    cursor: str = Field(description="pins the model version", examples=["3-0f6c1c2d"])


FilmReasons = Annotated[
    tuple[Reason, ...],
    Field(examples=[[{"kind": "film", "name": "Heat", "contribution": 0.2, "movie_id": 6, "rating": 4.5}]]),
]


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
    score: float = Field(
        description="in lists for a film the similarity, above 0 and at most 1, to which steering adds; in lists for "
        "a person it compares within the list alone",
        examples=[0.873211],
    )
    average_rating: MeanStars
    rating_count: Tally
    predicted_rating: float | None = Field(
        None, description="rating that the person would give, in lists for a person", examples=[4.21]
    )
    explanation: Explained | None = Field(None, description="where it was asked for")
    expected_ratings: list[float] | None = Field(
        None, description="rating that each of two people would give", examples=[[4.2, 3.9]]
    )
    reasons_for: FilmReasons | None = Field(None, description="liked films that speak for it, where it was asked for")
    reasons_against: FilmReasons | None = Field(None, description="films rated under a like that speak against it")
    below_usual: bool | None = Field(
        None,
        description="whether less is expected than (sum of the person's ratings + 10 x mean of all) / (number + 10)",
        examples=[False],
    )


class Recommendations(Answer):
    """The answer of /recommend/."""

    query: FilmSubject | PersonSubject | PeopleSubject
    model: ModelIdentity
    recommendations: list[Recommendation]
    next: NextPage | None = Field(None, description="where `offset` was given; null where the list has ended")
    # A client puts the header x-recommendation-id here; the service's body has no such member.
    recommendation_id: SkipJsonSchema[str | None] = Field(None, exclude=True)


class PredictedRating(Answer):
    """A predicted rating and its interval."""

    expected: float = Field(examples=[4.12])
    low: float = Field(examples=[2.9])
    high: float = Field(examples=[5.0])
    level: float = Field(description="share of ratings between low and high", examples=[0.8])


class FilmPlace(Answer):
    """A film's place in a person's list."""

    rank: int | None = Field(description="none where something keeps it away", examples=[12])
    of: int = Field(description="films that the list may hold", examples=[1520])
    kept_away_by: list[str] = Field(
        description="names of options that it does not meet or that move it off the page, max_per with a facet, seen, "
        "or further_down than n",
        examples=[["year_from", "seen"]],
    )


class Prediction(Answer):
    """The answer of /predict: one person and one film."""

    query: PersonSubject
    model: ModelIdentity
    movie: FilmOut
    prediction: PredictedRating | None = Field(description="none where the model predicts no ratings")
    usual_rating: float | None = Field(
        description="(sum of the person's ratings + 10 x mean of all) / (number + 10)", examples=[3.6]
    )
    below_usual: bool | None = Field(description="whether less is expected", examples=[False])
    place: FilmPlace
    reasons_for: FilmReasons | None = Field(
        description="liked films that speak for it; null where the service does not tell what its users rated"
    )
    reasons_against: FilmReasons | None = Field(description="films rated under a like that speak against it")


class TagOut(Answer):
    """Something that films have more or less of."""

    kind: str = Field(examples=["tag"])
    name: str = Field(examples=["pixar"])
    movies: int = Field(description="films that it is among the strongest features of", examples=[21])


class Tags(Answer):
    """Names for tag_boost and tag_suppress, those of most films first."""

    model: ModelIdentity
    tags: list[TagOut]
