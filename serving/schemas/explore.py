"""Shapes of the answers that people explore with: the map of films, ratings over time, two films side by side."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from serving.schemas.common import (
    MAX_N,
    Answer,
    FilmGenres,
    FilmId,
    FilmOut,
    FilmTitle,
    FilmYear,
    MeanStars,
    ModelIdentity,
    MovieId,
    Query,
    Tally,
)

GenreName = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class GenreQuery(Query):
    """All films, or those of one genre."""

    genre: GenreName | None = Field(None, description="one genre alone", examples=["Drama"])


class MapFilm(Answer):
    """A film and its place on the map: films near each other are alike in taste and content."""

    movie_id: FilmId
    title: FilmTitle
    year: FilmYear
    genres: FilmGenres
    average_rating: MeanStars
    rating_count: Tally
    x: float = Field(ge=-1, le=1, examples=[0.12])
    y: float = Field(ge=-1, le=1, examples=[-0.4])


class FilmMap(Answer):
    """The most rated films, most rated first."""

    model: ModelIdentity
    films: list[MapFilm]


class Period(Answer):
    """Ratings of one period."""

    period: str = Field(description="year, or year and month where the data set is short", examples=["1998-04"])
    ratings: Tally
    average_rating: MeanStars


class OverTime(Answer):
    """Ratings by the time when they were given."""

    model: ModelIdentity
    periods: list[Period]


class ReleaseYear(Answer):
    """Films released in one year."""

    year: int = Field(examples=[1995])
    movies: Tally
    ratings: Tally
    average_rating: MeanStars
    all_ratings: int = Field(description="ratings of that year's films of any genre", examples=[10382])


class ReleaseYears(Answer):
    """Films by the year of their release."""

    model: ModelIdentity
    years: list[ReleaseYear]


class Feature(Answer):
    """Something that is known about a film."""

    kind: str = Field(examples=["director"])
    name: str = Field(examples=["John Lasseter"])
    weight: float = Field(description="how much it says about the film: relevance times rarity", examples=[4.2])


class Features(Answer):
    """What is known about a film, the most telling first."""

    model: ModelIdentity
    movie_id: FilmId
    features: list[Feature]


class SharedFeatureOut(Answer):
    """Something that two films share."""

    kind: str = Field(examples=["genre"])
    name: str = Field(examples=["Comedy"])
    share: float = Field(description="its part of all that they share, 0 to 1", examples=[0.31])


class Comparison(Answer):
    """Two films side by side."""

    model: ModelIdentity
    movies: list[FilmOut] = Field(min_length=2, max_length=2)
    score: float = Field(description="likeness of the second film to the first", examples=[0.61])
    place: int | None = Field(
        description="place of the second among the films like the first; none for the film itself", examples=[3]
    )
    of: int = Field(description="films that could have taken that place", examples=[1663])
    common_viewers: int = Field(description="people who rated both", examples=[211])
    common_likes: int = Field(description="people who liked both", examples=[140])
    shared_features: list[SharedFeatureOut]


class CommonQuery(Query):
    """Other films to look for common viewers with."""

    with_ids: list[MovieId] = Field(min_length=1, max_length=MAX_N, description="ids of other films", examples=[[2, 3]])


class CommonViewers(Answer):
    """People whom two films have in common."""

    movie_id: FilmId
    viewers: int = Field(description="people who rated both", examples=[211])
    likes: int = Field(description="people who liked both", examples=[140])


class InCommon(Answer):
    """People whom a film has in common with others."""

    model: ModelIdentity
    movie_id: FilmId
    films: list[CommonViewers]
