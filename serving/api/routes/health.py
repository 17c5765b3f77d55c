"""Routes for probes and metrics; asynchronous, so that they answer while every thread is busy."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from serving.api.deps import ChampionSlot
from serving.api.metrics import exposition
from serving.problem import ProblemError, not_ready

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> JSONResponse:
    """200 while the process runs."""
    return JSONResponse({"status": "live"})


@router.get("/readyz")
async def readyz(request: Request, slot: ChampionSlot) -> JSONResponse:
    """200 while a model is served and the process is not about to stop."""
    if request.state.lifecycle.draining:
        raise ProblemError(503, "draining", "This process is about to stop.", headers={"Retry-After": "5"})
    if slot.served is None:
        raise not_ready()
    return JSONResponse({"status": "ready", "version": slot.served.meta.version})


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, slot: ChampionSlot) -> Response:
    """Prometheus metrics of all workers."""
    drift = request.state.online.drift if request.state.online else None
    body, media_type = await asyncio.to_thread(exposition, slot, request.state.lifecycle.metrics, drift)
    return Response(body, media_type=media_type)
