"""Routes for operators, with a bearer token; unless one is configured these addresses do not exist."""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import JSONResponse

from client.answers import AdminVersions
from serving.api.deps import ChampionSlot, CurrentSettings
from serving.api.openapi import errors
from serving.api.routes.model import registry_view
from serving.problem import ProblemError, no_route

Authorization = Annotated[str | None, Header(include_in_schema=False)]


async def require_token(settings: CurrentSettings, authorization: Authorization = None) -> None:
    """Raise a 404 problem where no token is configured, 401 without one, 403 for a wrong one."""
    if settings.admin_token is None:
        raise no_route()
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ProblemError(401, "token", "A bearer token is needed here.", headers={"WWW-Authenticate": "Bearer"})
    if not hmac.compare_digest(token.encode(), settings.admin_token.get_secret_value().encode()):
        raise ProblemError(403, "token", "The token is wrong.")


router = APIRouter(prefix="/admin", tags=["operations"], dependencies=[Depends(require_token)])


@router.get("/versions", response_model=AdminVersions, responses=errors(401, 403, 404))
async def versions(slot: ChampionSlot) -> JSONResponse:
    """The versions in the local store, what the pointers name, and what was refused."""
    return JSONResponse(await asyncio.to_thread(_versions, slot))


@router.post("/refresh", response_model=AdminVersions, responses=errors(401, 403, 404))
async def refresh(request: Request, slot: ChampionSlot) -> JSONResponse:
    """Let this worker look at the local store now; the others do so by themselves within a moment."""
    await asyncio.to_thread(slot.refresh)
    return JSONResponse(await asyncio.to_thread(_versions, slot))


def _versions(slot: ChampionSlot) -> dict[str, object]:
    store = slot.store
    return {
        "served": slot.served.key if slot.served else None,
        "pointers": {name: store.served_key(name) for name in ("champion", "challenger")},
        "versions": [{"key": entry.key, **entry.meta.model_dump()} for entry in store.entries()],
        "registry": registry_view(store.status()),
    }
