"""The ASGI application: routes, errors as problems, and the slots' watchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.deps import AppState, NotModifiedError
from serving.fast import FastPath
from serving.gate import Gate, RequestIds
from serving.lifecycle import Lifecycle
from serving.metrics import PlainCalls
from serving.model_store import ModelStore
from serving.problem import ProblemError
from serving.routes import analytics, explore, health, model, movies, recommend
from serving.schemas import Problem
from serving.settings import Settings
from serving.slots import ModelSlot

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}} for status in (400, 404, 422, 503)
}


class Service(FastPath):
    """The whole service as one ASGI callable; `api` is the FastAPI application inside."""

    def __init__(self, api: FastAPI, state: AppState) -> None:
        settings, ids = state["settings"], RequestIds()
        super().__init__(Gate(api, settings, ids), state["champion"], settings, ids, state["lifecycle"])
        self.api = api


def create_app(
    settings: Settings, store: ModelStore, *, pinned: str | None = None, lifecycle: Lifecycle | None = None
) -> Service:
    """The service over a local model store; `pinned` serves one registered version whatever the registry says."""
    champion = ModelSlot(store, "champion", stale_after=settings.stale_after_seconds, pinned=pinned)
    state = AppState(settings=settings, champion=champion, lifecycle=lifecycle or Lifecycle())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[AppState]:
        await asyncio.to_thread(champion.refresh)
        keepers = [champion.watch(settings.watch_seconds), _flush(service.calls, settings.watch_seconds)]
        tasks = [asyncio.create_task(keeper) for keeper in keepers]
        try:
            yield state
        finally:
            for task in tasks:
                task.cancel()
            service.calls.flush()

    api = FastAPI(
        title="MovieLens recommender",
        description="Films like a film, films for a person, and figures about films.",
        version="1",
        lifespan=lifespan,
        responses=_ERRORS,
    )
    for module in (recommend, movies, analytics, explore, model, health):
        api.include_router(module.router)
    api.add_exception_handler(ProblemError, _problem)
    api.add_exception_handler(NotModifiedError, _not_modified)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http_error)
    service = Service(api, state)
    return service


async def _flush(calls: PlainCalls, pause: float) -> None:
    while True:
        await asyncio.sleep(pause)
        calls.flush()


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return error.response()


async def _not_modified(_: Request, error: Exception) -> Response:
    return Response(status_code=304, headers={"etag": str(error)})


async def _invalid(_: Request, error: Exception) -> Response:
    """What is wrong, without the value and without a name that the caller made up."""
    assert isinstance(error, RequestValidationError)
    errors = [{"parameter": _parameter(e), "message": e["msg"]} for e in error.errors()[:20]]
    return ProblemError(422, "invalid-request", "The request is not valid; see `errors`.", errors=errors).response()


def _parameter(error: dict[str, object]) -> str | None:
    location = error["loc"]
    assert isinstance(location, tuple)
    known = location[1:-1] if error["type"] == "extra_forbidden" else location[1:]
    return ".".join(str(part) for part in known) or None


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind, detail = {
        404: ("no-route", "There is nothing at this address. /docs lists what there is."),
        405: ("method", "This address does not take that method."),
    }.get(error.status_code, ("http", "The request cannot be answered."))
    return ProblemError(error.status_code, kind, detail, headers=error.headers).response()
