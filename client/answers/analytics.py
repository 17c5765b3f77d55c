"""Answers with figures about ratings: by stars, by genre, by time, by year of release, and of the whole data set."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from client.answers.base import Answer, FilmId, FilmTitle, MeanStars, ModelIdentity, Tally


class HistogramBin(Answer):
    """Ratings of one step of the scale: of one half star in MovieLens."""

    stars: float = Field(description="the rating; the lowest where a bin has several", examples=[4.5])
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


class Scale(Answer):
    """What the ratings of a data set are."""

    kind: Literal["ratings", "events"]
    minimum: float
    maximum: float
    step: float
    like: float


class FacetName(Answer):
    """A facet of the items, such as authors of books."""

    name: str
    label: str
    kind: Literal["list", "category"]


class FacetValue(Answer):
    """One value of a facet."""

    value: str = Field(examples=["Ursula K. Le Guin"])
    movies: Tally


class FacetValues(Answer):
    """Values of a facet, those of most films first."""

    model: ModelIdentity
    facet: str = Field(examples=["authors"])
    values: list[FacetValue]


class ItemWords(Answer):
    """What the items of a data set are called, and their facets."""

    singular: str
    plural: str
    facets: tuple[FacetName, ...] = ()


class Snapshot(Answer):
    """The members of `Summary.dataset`; None where the data set does not have the figure."""

    name: str
    films: int | None = None
    users: int | None = None
    ratings: int | None = None
    density: float | None = None
    mean_rating: float | None = None
    mean_ratings_per_film: float | None = None
    mean_ratings_per_user: float | None = None
    first_rating: str | None = None
    last_rating: str | None = None
    first_year: int | None = None
    last_year: int | None = None
    genome_coverage: float | None = None
    user_tag_coverage: float | None = None
    credit_coverage: float | None = None
    feedback: Scale | None = None  # none for MovieLens's own scale
    items: ItemWords | None = None  # none for films with genres, directors and actors


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
