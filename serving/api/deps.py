"""What routes ask for; asynchronous, for FastAPI would send a plain function to a thread, and none of these waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Request
from fastapi import Query as QueryParameters
from starlette.responses import Response

from recommender.model import Model
from serving.answering import json_bytes
from serving.lifecycle import Lifecycle
from serving.problem import no_challenger, not_ready
from serving.schemas.common import Query
from serving.settings import Settings
from serving.versions.served import Served
from serving.versions.slot import ModelSlot


class NotModifiedError(Exception):
    """The caller's copy is still right; the argument is its entity tag."""


class AppState(TypedDict):
    """What the application's lifespan provides."""

    settings: Settings
    champion: ModelSlot
    challenger: ModelSlot | None
    lifecycle: Lifecycle


async def champion_slot(request: Request) -> ModelSlot:
    """The slot of the served version."""
    slot: ModelSlot = request.state.champion
    return slot


async def current_settings(request: Request) -> Settings:
    """The service's settings."""
    settings: Settings = request.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(current_settings)]
ChampionSlot = Annotated[ModelSlot, Depends(champion_slot)]


@dataclass(frozen=True)
class Context:
    """The version that answers a request, and the answer's form."""

    served: Served
    tag: bytes

    @property
    def model(self) -> Model:
        """The loaded model."""
        return self.served.model

    def json(self, body: bytes) -> Response:
        """A JSON answer from ready-made bytes: the same until another version is served."""
        response = Response(body)
        response.raw_headers = json_bytes.headers(self.tag, len(body))
        return response

    def fresh(self, body: bytes) -> Response:
        """A JSON answer that is not to be kept."""
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


async def context(request: Request, slot: ChampionSlot) -> Context:
    """The version that answers this request: the served one, or the second one for `model=challenger`.

    Raises a 503 or 404 problem where it is not loaded, and NotModifiedError where the caller holds its answer already.
    """
    challenger: ModelSlot | None = request.state.challenger
    second = request.query_params.get("model") == "challenger"
    served = (challenger.served if challenger else None) if second else slot.served
    if served is None:
        raise no_challenger() if second else not_ready()
    tag = json_bytes.entity_tag(served, request.url.path.rstrip("/").encode(), request.scope["query_string"])
    if request.method == "GET" and tag.decode() in request.headers.get("if-none-match", ""):
        raise NotModifiedError(tag.decode())
    return Context(served, tag)


Answering = Annotated[Context, Depends(context)]
PlainQuery = Annotated[Query, QueryParameters()]  # of routes that take no parameter of their own
