"""Routes that take and erase events; they exist where MOVIEREC_EVENTS is switched on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import JSONResponse

from client.answers import EventsErased, EventsKept
from online.events import Event
from online.sender import EventsNotKeptError, NoRoomError
from serving.api.deps import ChampionSlot, CurrentSettings
from serving.api.faults import field_faults
from serving.api.online import Online
from serving.api.openapi import errors
from serving.api.routes.admin import Authorization, require_token
from serving.problem import ProblemError, not_ready
from serving.schemas.data_values import answering_from
from serving.schemas.events import ErasedQuery, EventIn, EventsBody, NoQuery

AHEAD_SECONDS = 86_400.0  # a caller's clock may be wrong by so much
Fault = dict[str, Any]

router = APIRouter(tags=["events"])
_SCHEMA = {"anyOf": [EventIn.model_json_schema(), EventsBody.model_json_schema()]}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


@router.post(
    "/events",
    status_code=202,
    response_model=EventsKept,
    responses=errors(401, 403, 413, 429, 507),
    openapi_extra=_BODY,
)
async def take_events(
    request: Request,
    slot: ChampionSlot,
    settings: CurrentSettings,
    query: Annotated[NoQuery, Query()],
    authorization: Authorization = None,
) -> JSONResponse:
    """What people did with recommendations: one event, or up to 1,000. Answered when the valid ones are on the disk."""
    if slot.served is None:
        raise not_ready()
    answering_from(slot.served.model)
    online: Online = request.state.online
    sent = _sent(await request.body())
    if seconds := online.rate.take(len(sent)):
        raise ProblemError(
            429, "too-many-events", "More events than are taken; try again.", headers={"Retry-After": str(seconds)}
        )
    is_admin = authorization is not None and settings.admin_token is not None and any("user_id" in one for one in sent)
    if is_admin:
        await require_token(settings, authorization)
    events, rejected = _checked(sent, online, is_admin=is_admin)
    if not events:
        raise ProblemError(422, "no-valid-event", "No event is valid; see `rejected`.", rejected=rejected)
    new = await _kept(online, events)
    return JSONResponse({"accepted": len(events), "new": new, "rejected": rejected}, 202)


@router.delete(
    "/events",
    response_model=EventsErased,
    responses=errors(401, 403, 404),
    dependencies=[Depends(require_token)],
)
async def erase_events(request: Request, query: Annotated[ErasedQuery, Query()]) -> JSONResponse:
    """Erase all events of a visitor, and every trace of the key, from the disk."""
    online: Online = request.state.online
    try:
        return JSONResponse({"removed": await online.sender.erase(query.visitor)})
    except EventsNotKeptError as error:
        raise _try_again(error) from error


def _sent(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a body, unchecked. Raises RequestValidationError for anything else."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(422, "invalid-request", "The request body cannot be read.") from error
    if isinstance(content, dict) and "events" not in content:
        return [content]
    try:
        return EventsBody.model_validate(content).events
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from error


def _checked(sent: Sequence[dict[str, Any]], online: Online, *, is_admin: bool) -> tuple[list[Event], list[Fault]]:
    """Return the valid events, and for each other its place and what is wrong with it."""
    now = time.time()
    events: list[Event] = []
    rejected: list[Fault] = []
    for index, content in enumerate(sent):
        try:
            event = EventIn.model_validate(content)
        except ValidationError as error:
            rejected.append({"index": index, "errors": field_faults(error.errors())})
            continue
        if fault := _refusal(event, online, now, is_admin=is_admin):
            rejected.append({"index": index, "errors": [fault]})
        else:
            events.append(_event(event, now))
    return events, rejected


def _refusal(event: EventIn, online: Online, now: float, *, is_admin: bool) -> Fault | None:
    if event.user_id is not None and not is_admin:
        return {"parameter": "user_id", "message": "expected the admin token with events under a user_id"}
    if event.recommendation_id is not None and not online.ids.is_ours(event.recommendation_id):
        return {"parameter": "recommendation_id", "message": "expected an id that this service gave, not too long ago"}
    if event.time is not None and event.time > now + AHEAD_SECONDS:
        return {"parameter": "time", "message": "expected seconds since 1970 that are not in the future"}
    return None


def _event(event: EventIn, now: float) -> Event:
    return Event(
        kind=event.kind.value,
        visitor=event.visitor or "",
        user_id="" if event.user_id is None else str(event.user_id),
        items=event.items,
        rating=event.rating,
        recommendation=event.recommendation_id or "",
        time=now if event.time is None else min(event.time, now),
        received=now,
        event_id=event.event_id or "",
        position=event.position,
    )


async def _kept(online: Online, events: Sequence[Event]) -> int:
    """Return how many of the events are new, when all are on the disk. Raises a 503 or 507 problem."""
    try:
        return await online.sender.add(events)
    except NoRoomError as error:
        raise ProblemError(507, "events-full", str(error)) from error
    except EventsNotKeptError as error:
        raise _try_again(error) from error


def _try_again(error: EventsNotKeptError) -> ProblemError:
    return ProblemError(503, "events-not-kept", str(error), headers={"Retry-After": "1"})
