"""Dependencies of the routes; asynchronous, because FastAPI runs plain functions in threads and none of these waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Request
from fastapi import Query as QueryParameters
from starlette.responses import Response

from recommender.model import Model
from serving.answering import json_bytes
from serving.answering.lookup import ROOT_PATH
from serving.lifecycle import Lifecycle
from serving.problem import ProblemError, no_challenger, not_ready
from serving.schemas.common import Query
from serving.schemas.data_values import answering_from
from serving.settings import Settings
from serving.versions.entry import KEY
from serving.versions.served import Served
from serving.versions.slot import ModelSlot


class NotModifiedError(Exception):
    """The caller's copy of the answer is still valid; the argument is its entity tag."""


class AppState(TypedDict):
    """What every route can reach through `request.state`."""

    settings: Settings
    champion: ModelSlot
    challenger: ModelSlot | None
    lifecycle: Lifecycle


async def champion_slot(request: Request) -> ModelSlot:
    """Return the slot of the served version."""
    slot: ModelSlot = request.state.champion
    return slot


async def current_settings(request: Request) -> Settings:
    """Return the service's settings."""
    settings: Settings = request.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(current_settings)]
ChampionSlot = Annotated[ModelSlot, Depends(champion_slot)]


@dataclass(frozen=True)
class Context:
    """The version that answers a request, and the responses that it makes."""

    served: Served
    tag: bytes

    @property
    def model(self) -> Model:
        """The loaded model."""
        return self.served.model

    def json(self, body: bytes) -> Response:
        """Return a JSON response with an entity tag: the same answer until another version is served."""
        response = Response(body)
        response.raw_headers = json_bytes.headers(self.tag, len(body))
        return response

    def fresh(self, body: bytes) -> Response:
        """Return a JSON response that must not be cached."""
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


async def context(request: Request, slot: ChampionSlot) -> Context:
    """Return the version that answers this request: the champion, the challenger, or the one that a cursor names.

    Raises a 503 or 404 problem where it is not loaded, and NotModifiedError where the caller has the answer.
    """
    challenger: ModelSlot | None = request.state.challenger
    is_challenger = request.query_params.get("model") == "challenger"
    served = (challenger.served if challenger else None) if is_challenger else slot.served
    cursor = request.query_params.get("cursor", "")
    if KEY.fullmatch(cursor):
        served = await slot.pinned(cursor)
        if served is None:
            raise ProblemError(
                404, "cursor-expired", "The version that began this list is no longer kept; begin again."
            )
    if served is None:
        raise no_challenger() if is_challenger else not_ready()
    root_path = request.scope["root_path"]
    path = request.url.path.removeprefix(root_path).rstrip("/")
    tag = json_bytes.entity_tag(served, path.encode(), request.scope["query_string"])
    if request.method == "GET" and tag.decode() in request.headers.get("if-none-match", ""):
        raise NotModifiedError(tag.decode())
    answering_from(served.model)
    ROOT_PATH.set(root_path)
    return Context(served, tag)


Answering = Annotated[Context, Depends(context)]
PlainQuery = Annotated[Query, QueryParameters()]  # of routes that take no parameter of their own
