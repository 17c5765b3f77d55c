"""Build the ASGI application: routes, errors as problems, and the background tasks that watch the model store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.admission import Admission, EarlyRefusal, LongBodies
from serving.api.at_once import AtOnce
from serving.api.deps import AppState, NotModifiedError
from serving.api.documentation import add_documentation
from serving.api.exchange import Exchanges
from serving.api.faults import field_faults
from serving.api.metrics import WORKER, count_version
from serving.api.near_miss import meant_parameter
from serving.api.openapi import DocumentedApi
from serving.api.path_prefix import PathPrefix
from serving.api.plain_calls import PlainCalls
from serving.api.request_checks import AllowedHosts, RequestChecks
from serving.api.routes import admin, analytics, explore, health, model, movies, recommend
from serving.lifecycle import Lifecycle
from serving.problem import ProblemError, no_route
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from serving.versions.slot import ModelSlot

if TYPE_CHECKING:
    from serving.api.online import Online


class Service:
    """The whole service as one ASGI callable; `api` is the FastAPI application inside its wrappers."""

    def __init__(self, api: FastAPI, state: AppState) -> None:
        settings = state["settings"]
        hosts = AllowedHosts(settings.allowed_hosts)
        app = PathPrefix(api, settings.root_path)
        admission = Admission(app, settings.running_limit, settings.queue_limit, settings.queue_timeout_seconds)
        lanes = LongBodies(admission, Admission(app, 1, settings.queue_limit, settings.queue_timeout_seconds))
        checked: ASGIApp = EarlyRefusal(RequestChecks(lanes, settings, hosts), admission)
        self.api = api
        online, personal = state["online"], checked
        if online is not None:
            from serving.api.visitors import Visitors

            personal = Visitors(checked, online, lambda: self.plain_calls)
        self.plain_calls = PlainCalls(personal, state["champion"], hosts, online.ids if online else None)
        self._exchanges = Exchanges(self.plain_calls, settings, state["lifecycle"])
        at_once = AtOnce(self.plain_calls, self._exchanges.request_ids, state["lifecycle"])
        self.at_once = None if settings.access_log else at_once  # which connections ask first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._exchanges if scope["type"] == "http" else self.api)(scope, receive, send)


def create_app(
    settings: Settings,
    store: ModelStore,
    *,
    pinned: str | None = None,
    lifecycle: Lifecycle | None = None,
    worker: int = 0,
) -> Service:
    """Build the service over a local model store; `pinned` serves one registered version whatever the registry says.

    `worker`: number of this process among those that share `lifecycle`.
    """
    life = lifecycle or Lifecycle()
    champion = ModelSlot(
        store, "champion", stale_after=settings.stale_after_seconds, pinned=pinned, since=life.started_at
    )
    has_challenger = (settings.challenger_alias is not None or settings.events) and pinned is None
    challenger = ModelSlot(store, "challenger", stale_after=settings.stale_after_seconds) if has_challenger else None
    online = _online(settings, store, champion, challenger)
    state = AppState(settings=settings, champion=champion, challenger=challenger, lifecycle=life, online=online)
    slots = [slot for slot in (champion, challenger) if slot is not None]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[AppState]:
        for slot in slots:
            slot.on_swap = count_version
            await asyncio.to_thread(slot.refresh)
        watchers = [slot.watch(settings.watch_seconds) for slot in slots]
        publisher = _publish(life, worker, settings.watch_seconds)
        following = [online.run()] if online is not None else []
        tasks = [asyncio.create_task(coroutine) for coroutine in (*watchers, publisher, *following)]
        try:
            yield state
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            life.metrics.publish(worker, WORKER.collect())

    api = DocumentedApi(
        title="MovieLens recommender",
        description="Films like a film, films for a person, and figures about films.",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    routers = [module.router for module in (recommend, movies, analytics, explore, model, health, admin)]
    if online is not None:
        from serving.api.routes import events, experiment

        routers = [events.router, *routers, experiment.router]  # FastAPI asks them in turn, and events come in numbers
    for router in routers:
        api.include_router(router)
    add_documentation(api)
    api.add_exception_handler(ProblemError, _problem)
    api.add_exception_handler(NotModifiedError, _not_modified)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http_error)
    return Service(api, state)


def _online(settings: Settings, store: ModelStore, champion: ModelSlot, challenger: ModelSlot | None) -> Online | None:
    """Return what events need, imported only where they are switched on."""
    if not settings.events:
        return None
    from serving.api.online import Online
    from serving.versions.experiment import ExperimentSlot

    return Online(settings, ExperimentSlot(store, champion, challenger))


async def _publish(lifecycle: Lifecycle, worker: int, pause: float) -> None:
    """Publish this worker's metrics to all workers, for ever."""
    while True:
        lifecycle.metrics.publish(worker, WORKER.collect())
        await asyncio.sleep(pause)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return error.response()


async def _not_modified(_: Request, error: Exception) -> Response:
    return Response(status_code=304, headers={"etag": str(error)})


async def _invalid(request: Request, error: Exception) -> Response:
    """Return a 422 problem that names the wrong parameters, but no value or name that the caller made up."""
    assert isinstance(error, RequestValidationError)
    meant = partial(meant_parameter, request.scope["route"].dependant)
    errors = field_faults(error.errors(), above=1, meant=meant)
    return ProblemError(422, "invalid-request", "The request is not valid; see `errors`.", errors=errors).response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return no_route().response()
    if error.status_code == 400:  # FastAPI's word for a body that its JSON parser gave up on
        return ProblemError(422, "invalid-request", "The request body cannot be read.").response()
    if error.status_code == 405:
        allowed = {"Allow": ", ".join(_methods(request))}
        return ProblemError(405, "method", "This address does not take that method.", headers=allowed).response()
    return ProblemError(error.status_code, "http", "The request cannot be answered.", headers=error.headers).response()


def _methods(request: Request) -> list[str]:
    """Return the methods that the address accepts; the framework itself tells only those of the first route."""
    scopes = [(method, {**request.scope, "method": method}) for method in ("DELETE", "GET", "PATCH", "POST", "PUT")]
    routes = request.app.routes
    return [method for method, scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)]
