"""What the pages read of the service's answers; members that they do not need are left alone."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Read(BaseModel):
    """Base: immutable, and tolerant of a newer service that says more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ModelIdentity(Read):
    """The model version that answered."""

    name: str
    version: str
    run_id: str | None
    algorithm: str
    stale: bool


class Film(Read):
    """A film as people see it."""

    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    actors: tuple[str, ...]
    average_rating: float | None
    rating_count: int


class Reason(Read):
    """One thing that moved a score, and by how much."""

    kind: str
    name: str
    contribution: float
    movie_id: int | None = None
    rating: float | None = None


class Explanation(Read):
    """score = sum of the contributions + rest."""

    reasons: tuple[Reason, ...]
    rest: float


class Recommendation(Film):
    """A film in a list, best first."""

    rank: int
    score: float
    predicted_rating: float | None = None
    explanation: Explanation | None = None


class FilmSubject(Read):
    """The film that a list is for, and how the question named it."""

    title: str
    movie_id: int
    matched: str


class PersonSubject(Read):
    """The person that a list is for."""

    ratings: int
    matched: str


class Recommendations(Read):
    """A list of films, for a film or for a person."""

    query: FilmSubject | PersonSubject
    model: ModelIdentity
    recommendations: list[Recommendation]


class Movies(Read):
    """A list of films."""

    movies: list[Film]


class Movie(Read):
    """One film."""

    movie: Film


class HistogramBin(Read):
    """Number of ratings of one half star."""

    stars: float
    count: int


class MovieRatings(Read):
    """How a film was rated."""

    movie_id: int
    title: str
    average_rating: float | None
    rating_count: int
    histogram: list[HistogramBin]


class GenreFigures(Read):
    """One genre's size and rating."""

    genre: str
    movies: int
    ratings: int
    average_rating: float | None


class Genres(Read):
    """All genres of the catalogue."""

    genres: list[GenreFigures]


class Snapshot(Read):
    """The data set that the served model was fitted on. None where the data set does not say."""

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


class Summary(Read):
    """The data behind the model, and how its ratings spread over the stars."""

    model: ModelIdentity
    dataset: Snapshot
    histogram: list[HistogramBin]


class Metric(Read):
    """One figure with its protocol and 95 % interval."""

    protocol: str
    name: str
    value: float
    lo: float | None = None
    hi: float | None = None


class ModelCard(Read):
    """The served version in full."""

    model: ModelIdentity
    created: str
    git_commit: str | None
    parameters: dict[str, Any]
    metrics: list[Metric]
    movies: int
    users: int


class CommonViewers(Read):
    """People whom a film has in common with another."""

    movie_id: int
    viewers: int
    likes: int


class InCommon(Read):
    """People whom a film has in common with others."""

    films: list[CommonViewers]


class Tag(Read):
    """Something that films have more or less of."""

    kind: str
    name: str
    movies: int


class Tags(Read):
    """Names to steer by, those of most films first."""

    tags: list[Tag]


class Suggestion(Read):
    """A film that was perhaps meant."""

    movie_id: int
    title: str
    year: int | None


class MapFilm(Read):
    """A film and its place on the map."""

    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    average_rating: float | None
    rating_count: int
    x: float
    y: float


class FilmMap(Read):
    """The most rated films, most rated first."""

    films: list[MapFilm]


class Period(Read):
    """Ratings of one period."""

    period: str
    ratings: int
    average_rating: float | None


class OverTime(Read):
    """Ratings by the time when they were given."""

    periods: list[Period]


class ReleaseYear(Read):
    """Films released in one year."""

    year: int
    movies: int
    ratings: int
    average_rating: float | None
    all_ratings: int


class ReleaseYears(Read):
    """Films by the year of their release."""

    years: list[ReleaseYear]


class Feature(Read):
    """Something that is known about a film."""

    kind: str
    name: str
    weight: float


class Features(Read):
    """What is known about a film, the most telling first."""

    features: list[Feature]


class SharedFeature(Read):
    """Something that two films share; `share` of all that they share."""

    kind: str
    name: str
    share: float


class Comparison(Read):
    """Two films side by side."""

    movies: tuple[Film, Film]
    score: float
    place: int | None
    of: int
    common_viewers: int
    common_likes: int
    shared_features: list[SharedFeature]
