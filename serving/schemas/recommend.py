"""Queries and bodies that ask for lists of films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from recommender.films.ids import RawId
from recommender.together import Aggregation
from serving.schemas.common import (
    DEFAULT_N,
    Count,
    Integer,
    Query,
    RequestModel,
    TitleText,
    Year,
)
from serving.schemas.data_values import LikedId, MovieId, Rating, UserId
from serving.versions.entry import KEY

MAX_EXCLUDED = 1000
MAX_ENTRIES = 10_000  # ratings and likes of one history
OnUnmatched = Literal["skip", "fail"]
SUBJECTS = ("title", "movie_id", "user_id")

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
FacetValue = Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[^:]+:.")]
Ratings = Annotated[Integer, Field(ge=0, le=10**9)]
FacetLimit = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^:]+:(100|[1-9][0-9]?)$")]
Preference = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class NamedFilm(RequestModel):
    """A film, by exactly one of `movie_id` and `title`."""

    movie_id: MovieId | None = Field(None, description="id of a film", examples=[1])
    title: TitleText | None = Field(None, description="title of a film", examples=["Heat (1995)"])

    @model_validator(mode="after")
    def _one_film(self) -> Self:
        if (self.movie_id is None) == (self.title is None):
            raise ValueError("expected exactly one of movie_id and title")
        return self


class ListOptions(RequestModel):
    """Which films are in a list, whoever it is for, and in which order."""

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
    candidates: list[MovieId] = Field(
        default_factory=list,  # left out, all films are ranked; as an empty list it would be nothing to rank
        min_length=1,
        max_length=MAX_EXCLUDED,
        description="ids of the only films to rank, at least one",
        examples=[[1, 2, 3]],
    )
    include_seen: bool = Field(
        False, description="let films come back that the person rated; in lists for people", examples=[True]
    )
    min_expected: Rating | None = Field(
        None, description="least predicted rating; in lists for people, where the model predicts", examples=[3.5]
    )
    fuzzy: bool = Field(
        False, description="take part of a title, or a misspelt one, where one film stands clear", examples=[True]
    )
    offset: Annotated[Integer, Field(ge=0, le=10_000)] | None = Field(
        None, description="films to skip; 0 begins a list of pages, whose answers have `next`", examples=[0]
    )
    max_per_director: Count | None = Field(None, description="at most so many films of one director", examples=[1])
    max_per_genre: Count | None = Field(None, description="at most so many films of one genre", examples=[3])
    max_per: list[FacetLimit] = Field(
        [], max_length=20, description="facet:number; at most so many films of one value", examples=[["actors:1"]]
    )
    popularity: Preference = Field(0.0, description="-1 prefers films of few ratings, 1 of many", examples=[-0.5])
    recency: Preference = Field(0.0, description="-1 prefers old films, 1 new ones", examples=[0.5])
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
    for_and_against: bool = Field(
        False,
        description="name liked films that speak for each film and disliked ones that speak against it, and mark what "
        "is expected below the person's usual rating",
        examples=[True],
    )

    @model_validator(mode="after")
    def _years_in_order(self) -> Self:
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise ValueError("expected year_from not to be after year_to")
        return self

    def require_person(self) -> None:
        """Raise ValueError where an option needs a person and the list is for nobody in particular."""
        options = {"include_seen": self.include_seen, "for_and_against": self.for_and_against}
        options["min_expected"] = self.min_expected is not None
        if names := [name for name, is_set in options.items() if is_set]:
            raise ValueError(f"{', '.join(names)}: expected in lists for a person alone")


class PagedQuery(Query):
    """Query string of lists, which may have pages."""

    cursor: Annotated[str, StringConstraints(pattern=f"^{KEY.pattern}$")] | None = Field(
        None,
        description="of the page before: the same version answers, whatever was promoted since",
        examples=["3-0f6c1c2d"],
    )


class RecommendQuery(ListOptions, PagedQuery):
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
        if self.user_id is None:
            self.require_person()
        return self


class RatedFilm(NamedFilm):
    """A film, by exactly one of `movie_id` and `title`, and its rating."""

    rating: Rating = Field(
        description="on the scale of the data set; the weight of an event where it has no ratings", examples=[4.5]
    )


History = Annotated[list[RatedFilm | LikedId | TitleText], Field(min_length=1, max_length=MAX_ENTRIES)]


class PersonBody(RequestModel):
    """A person: a user of the training data, fresh ratings and likes, or both."""

    user_id: UserId | None = Field(
        None, description="id of a user of the training data; ratings and likes count beside theirs", examples=[42]
    )
    ratings: list[RatedFilm] = Field([], max_length=MAX_ENTRIES, description="films with ratings")
    likes: list[LikedId | TitleText] = Field(
        [],
        max_length=MAX_ENTRIES,
        description="films that the person likes: a number is an id, a text a title, or an id first where ids are text",
        examples=[[1, "Heat"]],
    )

    on_unmatched: OnUnmatched = Field(
        "skip",
        description="skip: leave entries out that no film or several match, and list them in `query.unmatched`; "
        "fail: answer with the problem of the first",
        examples=["skip"],
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if len(self.ratings) + len(self.likes) > MAX_ENTRIES:
            raise ValueError(f"expected at most {MAX_ENTRIES} ratings and likes together")
        return self

    @property
    def is_somebody(self) -> bool:
        """Return whether anything is known of the person."""
        return self.user_id is not None or bool(self.ratings or self.likes)


def history_body(films: Sequence[RatedFilm | RawId], on_unmatched: OnUnmatched) -> PersonBody:
    """Return the person who rated or liked these films."""
    ratings = [film for film in films if isinstance(film, RatedFilm)]
    likes = [film for film in films if not isinstance(film, RatedFilm)]
    return PersonBody(ratings=ratings, likes=likes, on_unmatched=on_unmatched)


class RecommendBody(ListOptions, PersonBody):
    """Films for a person without an account, by what the person rated or likes; or films like a film, steered by tags.

    Nothing is stored. Without any film it is a start list: what most people like.
    """

    people: Annotated[list[History], Field(max_length=2)] = Field(
        [],
        description="films of two people, rated or liked as in `likes`: one list for both, fair to the less happy",
        examples=[[[1, "Heat"], [{"movie_id": 2, "rating": 4.0}]]],
    )
    aggregation: Aggregation = Field(
        "least_misery",
        description="of `people`: least_misery lets the less happy one expect most, mean adds both",
        examples=["mean"],
    )
    title: TitleText | None = Field(
        None, description="films like this one, in the place of ratings and likes", examples=["Heat"]
    )
    movie_id: MovieId | None = Field(None, description="the same by id", examples=[6])

    @model_validator(mode="after")
    def _one_subject(self) -> RecommendBody:
        film = (self.title is not None) + (self.movie_id is not None)
        if self.is_somebody + film > 1:
            person = "ratings with likes" if self.user_id is None else "user_id"
            raise ValueError(f"expected at most one of title, movie_id, and {person}")
        if self.people and (film or self.is_somebody or len(self.people) != 2):
            raise ValueError("people: expected the films of two people, and no other subject of the list")
        if not self.people and "aggregation" in self.model_fields_set:
            raise ValueError("aggregation: expected in lists for two people alone")
        if self.people and (self.explain or self.for_and_against):
            raise ValueError("explain, for_and_against: expected in lists for one person or a film")
        if not (self.is_somebody or self.people):
            self.require_person()
        return self


class PredictQuery(ListOptions, NamedFilm, PagedQuery):
    """What a user of the training data would give a film, by exactly one of `movie_id` and `title`.

    The options are those of the list in which its place is asked for.
    """

    user_id: UserId = Field(description="id of a user of the training data", examples=[42])


class PredictBody(ListOptions, NamedFilm, PersonBody):
    """What a person would give a film, by exactly one of `movie_id` and `title`; nothing is stored.

    The options are those of the list in which its place is asked for.
    """

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.is_somebody:
            raise ValueError("expected a user_id, ratings or likes")
        return self


class TagQuery(Query):
    """Names for tag_boost and tag_suppress."""

    q: Annotated[str, StringConstraints(max_length=80)] = Field("", description="part of a name", examples=["pix"])
    limit: Annotated[Integer, Field(ge=1, le=100)] = Field(20, description="how many names", examples=[20])
