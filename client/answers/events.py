"""Answers of /events: what was kept, what was not and why, and what was erased."""

from __future__ import annotations

from pydantic import Field

from client.answers.base import Answer


class FieldFault(Answer):
    """What is wrong with one field of an event."""

    parameter: str | None = Field(examples=["rating"])
    message: str = Field(examples=["Input should be less than or equal to 5"])


class RejectedEvent(Answer):
    """An event that was not kept."""

    index: int = Field(description="its place among those that were sent, from 0", examples=[3])
    errors: list[FieldFault]


class EventsKept(Answer):
    """The answer of POST /events: what it counts as accepted is on the disk."""

    accepted: int = Field(description="events that are on the disk", examples=[3])
    new: int = Field(description="of them, those that were not there before", examples=[2])
    rejected: list[RejectedEvent]


class EventsErased(Answer):
    """The answer of DELETE /events."""

    removed: int = Field(description="events that were erased", examples=[17])
