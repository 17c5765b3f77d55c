"""What every request passes first: host, origin, query string and body size are checked, and the answer is counted.

A plain ASGI wrapper around the application: refusals must be cheap, and every answer carries a request id.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.lifecycle import Lifecycle
from serving.metrics import ANSWERS
from serving.problem import ProblemError
from serving.settings import Settings

log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INTERNAL = ProblemError(500, "internal", "Something went wrong here; the log has the request id.")
_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type, if-none-match, x-request-id",
    "access-control-max-age": "600",
}
_LONGEST_NUMBER = 18  # digits; Python refuses to read numbers of thousands
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
# parameters that may be given several times
_LISTS = frozenset({"genres", "exclude", "tag_boost", "tag_suppress", "with_ids"})


class RequestIds:
    """Request ids: unique for the process, cheap, and the caller's own where it is harmless."""

    def __init__(self) -> None:
        self._form = secrets.token_hex(6).encode() + b"-%x"
        self._count = itertools.count()

    def of(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The id of a request with these headers."""
        for name, value in headers:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return value
        return self._form % next(self._count)


class Gate:
    """ASGI wrapper; see the module."""

    def __init__(self, app: ASGIApp, settings: Settings, ids: RequestIds, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._settings = settings
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the same answer; uvicorn keeps its body back
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        exchange = _Exchange(
            scope, send, self._ids.of(scope["headers"]), self._answer_headers(origin), self._settings.access_log
        )
        try:
            self._check(scope, headers)
            if scope["method"] == "OPTIONS" and self._is_named(origin):
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, exchange.send)
                return
            if scope["method"] not in _WITHOUT_BODY:
                # Before admission: whoever sends slowly must not hold a place that others wait for.
                receive = _replay(await _read_body(receive, self._settings.max_body_bytes), receive)
            await self._app(scope, receive, exchange.send)
        except ProblemError as problem:
            await problem.response()(scope, receive, exchange.send)
        except Exception:
            log.exception("failed", request_id=exchange.request_id.decode(), method=scope["method"])
            if exchange.status:
                raise
            await _INTERNAL.response()(scope, receive, exchange.send)
        finally:
            exchange.finish()

    def _answer_headers(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """What every answer to a caller of that origin carries."""
        headers = []
        if self._lifecycle.draining:  # so that nobody holds on to a process that is about to stop
            headers.append((b"connection", b"close"))
        if origin is not None and self._is_named(origin):
            headers += [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
        return headers

    def _is_named(self, origin: bytes | None) -> bool:
        return origin is not None and origin.decode("latin-1") in self._settings.allowed_origins

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        settings = self._settings
        if not host_allowed(headers.get(b"host", b""), settings.allowed_hosts):
            raise ProblemError(400, "host", "This service does not answer for that host. Set MOVIEREC_ALLOWED_HOSTS.")
        if not origin_allowed(headers.get(b"origin"), settings):
            raise ProblemError(400, "origin", "Calls from that origin are not accepted. Set MOVIEREC_ALLOWED_ORIGINS.")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > _LONGEST_NUMBER or int(length) > settings.max_body_bytes:
            raise _too_large()
        check_query(scope["query_string"])


def host_name(host: bytes) -> str:
    """The Host header without its port, in lower case."""
    return re.sub(r":\d*$", "", host.decode("latin-1")).lower()


def host_allowed(host: bytes, allowed: list[str]) -> bool:
    """Whether the service answers for that Host header."""
    return "*" in allowed or host_name(host) in allowed


def origin_allowed(origin: bytes | None, settings: Settings) -> bool:
    """Whether a browser page of that origin may call: pages of our own hosts, and those that are named."""
    if origin is None:
        return True
    name = origin.decode("latin-1")
    return name in settings.allowed_origins or host_allowed(origin.partition(b"://")[2], settings.allowed_hosts)


def check_query(query: bytes) -> None:
    """Raises a 422 problem for broken UTF-8, control characters, or a parameter given twice."""
    seen: set[str] = set()
    for pair in query.split(b"&") if query else ():
        try:
            name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")).decode() for part in pair.partition(b"="))
        except UnicodeDecodeError:
            raise ProblemError(422, "invalid-query", "The query string is not valid UTF-8.") from None
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise ProblemError(422, "invalid-query", "The query string holds control characters.")
        if name in seen and name not in _LISTS:
            raise ProblemError(422, "invalid-query", "A parameter is given twice.")
        seen.add(name)


async def _read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises a 413 problem where it is larger than `limit`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > limit:
            raise _too_large()
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large() -> ProblemError:
    return ProblemError(413, "too-large", "The request body is too large.", headers={"Connection": "close"})


class _Exchange:
    """One request and its answer: adds the request id, counts and logs."""

    def __init__(
        self, scope: Scope, send: Send, request_id: bytes, headers: list[tuple[bytes, bytes]], log_all: bool
    ) -> None:
        self.request_id = request_id
        self._headers = [(b"x-request-id", request_id), *headers]
        self.status = 0
        self._scope = scope
        self._send = send
        self._log_all = log_all
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)

    def finish(self) -> None:
        seconds = time.perf_counter() - self._started
        route = route_name(self._scope)
        ANSWERS.of(route, self.status).count(seconds)
        if self._log_all or (self.status >= 500 and self.status != 503):  # those are counted, and come in thousands
            log.info(
                "request",
                request_id=self.request_id.decode(),
                method=self._scope["method"],
                route=route,
                status=self.status,
                ms=round(1000 * seconds, 2),
            )


def route_name(scope: Scope) -> str:
    """The route's own path, `/movies/{movie_id}`, never what the caller typed."""
    return getattr(scope.get("route"), "path", "none")
