"""Bodies and queries of /events: what people do with recommendations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, WithJsonSchema, model_validator

from online.events import ITEMS_AT_MOST, KEY_PATTERN, Kind
from serving.schemas.common import Integer, RequestModel
from serving.schemas.data_values import MovieId, Rating, UserId

MAX_EVENTS = 1000
_OF_A_LIST = (Kind.SHOWN, Kind.CLICKED)

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]


class EventIn(RequestModel):
    """One thing that a person did: by exactly one of `visitor` and `user_id`."""

    kind: Annotated[Kind, WithJsonSchema({"type": "string", "enum": [*Kind]})] = Field(examples=["clicked"])
    visitor: Key | None = Field(None, description="the caller's own key of a person", examples=["v-5f1c8a"])
    user_id: UserId | None = Field(
        None, description="of a user of the training data; with the admin token alone", examples=[42]
    )
    movie_id: MovieId | None = Field(None, description="the film; for all kinds but shown", examples=[1])
    movie_ids: list[MovieId] = Field(
        [], max_length=ITEMS_AT_MOST, description="shown: the films in their order", examples=[[1, 6]]
    )
    position: Annotated[Integer, Field(ge=1, le=10_000)] = Field(
        1, description="place in the list, from 1; of shown that of its first film", examples=[1]
    )
    rating: Rating | None = Field(None, description="rated: on the scale of the data set", examples=[4.5])
    recommendation_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None,
        description="x-recommendation-id of the list; shown and clicked need it",
        examples=["AQcBCmVd5QAAAAAB"],
    )
    time: float | None = Field(
        None, ge=0, le=1e11, allow_inf_nan=False, description="seconds since 1970; default: now", examples=[1.7e9]
    )
    event_id: Key | None = Field(
        None, description="the caller's own; a person's second event of one id is dropped", examples=["e-1"]
    )

    @model_validator(mode="after")
    def _is_whole(self) -> EventIn:
        if (self.visitor is None) == (self.user_id is None):
            raise ValueError("expected exactly one of visitor and user_id")
        is_shown = self.kind == Kind.SHOWN
        if (self.movie_id is None) is not is_shown or bool(self.movie_ids) is not is_shown:
            raise ValueError("expected movie_ids for shown, and movie_id for every other kind")
        if (self.rating is not None) is not (self.kind == Kind.RATED):
            raise ValueError("expected a rating for rated alone")
        if self.kind in _OF_A_LIST and self.recommendation_id is None:
            raise ValueError("expected the recommendation_id of the list for shown and clicked")
        return self

    @property
    def items(self) -> tuple[str, ...]:
        """Return the raw ids of the films as text."""
        return tuple(map(str, self.movie_ids if self.movie_id is None else [self.movie_id]))


class EventsBody(RequestModel):
    """Up to 1,000 events; each is checked by itself, and the valid ones are kept."""

    events: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_EVENTS,
        examples=[[{"kind": "rated", "visitor": "v-5f1c8a", "movie_id": 1, "rating": 4.5}]],
    )


class NoQuery(RequestModel):
    """A query string without parameters."""


class ErasedQuery(RequestModel):
    """Whose events are erased."""

    visitor: Key = Field(description="the caller's own key of the person", examples=["v-5f1c8a"])
