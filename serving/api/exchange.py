"""What every request and its answer get, in one place: a request id, common headers, a count and a log line.

The outermost ASGI wrapper. Everything inside it answers, or raises a ProblemError that becomes the answer here.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.metrics import ANSWERS, ARM_ANSWERS
from serving.lifecycle import Lifecycle
from serving.problem import ProblemError
from serving.settings import Settings

Header = tuple[bytes, bytes]
Headers = list[Header]

log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_INTERNAL = ProblemError(500, "internal", "Something went wrong here; the log has the request id.")


class Exchanges:
    """ASGI wrapper that completes, counts and logs every answer of the application."""

    def __init__(self, app: ASGIApp, settings: Settings, lifecycle: Lifecycle) -> None:
        self._app = app
        self._settings = settings
        self._lifecycle = lifecycle
        self.request_ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the same answer; uvicorn keeps its body back
        request_id = self.request_ids.choose(scope["headers"])
        exchange = _Exchange(scope, send, request_id, self._common_headers(scope), self._settings.access_log)
        try:
            await self._app(scope, receive, exchange.send)
        except ProblemError as problem:
            await problem.response()(scope, receive, exchange.send)
        except Exception:
            log.exception("failed", request_id=request_id.decode(), method=scope["method"])
            if exchange.status:
                raise
            await _INTERNAL.response()(scope, receive, exchange.send)
        finally:
            exchange.finish()

    def _common_headers(self, scope: Scope) -> Headers:
        """Return the headers that every answer to this caller carries, beside the request id."""
        headers = []
        if self._lifecycle.draining:  # so that nobody holds on to a process that is about to stop
            headers.append((b"connection", b"close"))
        origin = dict(scope["headers"]).get(b"origin")
        if origin is not None and is_named_origin(origin, self._settings):
            headers += [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
            if self._settings.events:
                headers.append((b"access-control-expose-headers", b"x-recommendation-id"))
        return headers


class RequestIds:
    """Request ids: unique within the process, cheap, and the caller's own id where it is harmless."""

    def __init__(self) -> None:
        self._form = secrets.token_hex(6).encode() + b"-%x"
        self._count = itertools.count()

    def choose(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the caller's valid `x-request-id` header, or a new id."""
        for name, value in headers:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return value
        return self._form % next(self._count)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, request_id: bytes, headers: Headers, log_all: bool) -> None:
        self.status = 0
        self._request_id = request_id
        self._headers = [(b"x-request-id", request_id), *headers]
        self._scope = scope
        self._send = send
        self._log_all = log_all
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send a message of the application, with the common headers added to the first one."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)

    def finish(self) -> None:
        """Count the answer, and log it if it is a failure or every request is logged."""
        seconds = time.perf_counter() - self._started
        route = route_name(self._scope)
        ANSWERS.of(route, self.status).count(seconds)
        if (assignment := self._scope.get("assignment")) is not None:
            ARM_ANSWERS.of(f"{assignment.name}/{assignment.arm.name}", self.status).count(seconds)
        if self._log_all or (self.status >= 500 and self.status != 503):  # 503s are counted, and come in thousands
            log.info(
                "request",
                request_id=self._request_id.decode(),
                method=self._scope["method"],
                route=route,
                status=self.status,
                ms=round(1000 * seconds, 2),
            )


def route_name(scope: Scope) -> str:
    """Return the path pattern of the matched route, such as `/movies/{movie_id}`, never what the caller typed."""
    return getattr(scope.get("route"), "path", "none")


def is_named_origin(origin: bytes | None, settings: Settings) -> bool:
    """Return whether MOVIEREC_ALLOWED_ORIGINS names the origin, so that its pages may read answers."""
    return origin is not None and origin.decode("latin-1") in settings.allowed_origins
