"""Query strings of the routes that people explore with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from serving.schemas.common import MAX_N, Integer, Query
from serving.schemas.data_values import MovieId

GenreName = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class GenreQuery(Query):
    """All films, or those of one genre."""

    genre: GenreName | None = Field(None, description="one genre alone", examples=["Drama"])


class FacetQuery(Query):
    """Values of one facet."""

    facet: Annotated[str, StringConstraints(min_length=1, max_length=80)] = Field(
        description="name of the facet", examples=["genres"]
    )
    q: Annotated[str, StringConstraints(max_length=80)] = Field("", description="part of a value", examples=["dra"])
    limit: Annotated[Integer, Field(ge=1, le=1000)] = Field(100, description="how many values", examples=[100])


class CommonQuery(Query):
    """Other films to look for common viewers with."""

    with_ids: list[MovieId] = Field(min_length=1, max_length=MAX_N, description="ids of other films", examples=[[2, 3]])
