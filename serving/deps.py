"""What routes ask for."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fastapi import Depends, Request
from starlette.responses import Response

from serving.lifecycle import Lifecycle
from serving.problem import not_ready
from serving.served import Served
from serving.settings import Settings
from serving.slots import ModelSlot


class AppState(TypedDict):
    """What the application's lifespan provides."""

    settings: Settings
    champion: ModelSlot
    lifecycle: Lifecycle


def champion_slot(request: Request) -> ModelSlot:
    """The slot of the served version."""
    slot: ModelSlot = request.state.champion
    return slot


def served_version(request: Request) -> Served:
    """The version that answers this request. Raises a 503 problem where none is loaded."""
    served = champion_slot(request).served
    if served is None:
        raise not_ready()
    return served


ChampionSlot = Annotated[ModelSlot, Depends(champion_slot)]
CurrentModel = Annotated[Served, Depends(served_version)]


def json_bytes(body: bytes) -> Response:
    """A JSON answer from ready-made bytes."""
    return Response(body, media_type="application/json")
