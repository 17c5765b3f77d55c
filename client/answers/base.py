"""What every answer has: a base class, the model version that answered, and the members of a film.

The docstrings, descriptions and examples of all answer types become the service's OpenAPI document.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of answers."""

    # The document and the service's tests forbid members that are not declared; the client reads with extra="ignore".
    model_config = ConfigDict(extra="forbid", frozen=True)


FilmId = Annotated[
    int | str, Field(description="a number where all ids of the data set are integers, else text", examples=[1])
]
FilmTitle = Annotated[str, Field(examples=["Toy Story"])]
FilmYear = Annotated[int | None, Field(description="none where it is not known", examples=[1995])]
FilmGenres = Annotated[tuple[str, ...], Field(examples=[["Animation", "Children", "Comedy"]])]
FilmPeople = Annotated[
    tuple[str, ...], Field(description="empty where nobody said", examples=[["Tom Hanks", "Tim Allen"]])
]
FilmFacets = Annotated[
    dict[str, tuple[str, ...]] | None,
    Field(
        description="further facets by name, where the data set has any: authors, publisher, ...",
        examples=[{"authors": ["Ursula K. Le Guin"]}],
    ),
]
MeanStars = Annotated[float | None, Field(description="mean rating; none without ratings", examples=[3.88])]
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
