"""Answers about films: one film, lists of films, the map, features, two films side by side."""

from __future__ import annotations

from pydantic import Field

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


class FilmOut(Answer):
    """A film."""

    movie_id: FilmId
    title: FilmTitle
    year: FilmYear
    genres: FilmGenres
    directors: FilmPeople
    actors: FilmPeople
    facets: FilmFacets = None
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
