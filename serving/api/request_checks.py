"""Checks of every request before it costs anything: host, origin, query string and size of the body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.films.ids import CONTROL
from serving.api.exchange import is_named_origin
from serving.problem import ProblemError
from serving.settings import Settings

_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type, if-none-match, x-request-id, x-visitor",
    "access-control-max-age": "600",
}
_LONGEST_NUMBER = 18  # digits; Python refuses to read numbers of thousands
_WITH_IDS = b"/movies/"
_ENCODED_SLASH = re.compile(rb"%2f", re.IGNORECASE)
_REMEMBERED_HOSTS = 64
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_REPEATABLE = frozenset(
    {"genres", "facet", "exclude", "tag_boost", "tag_suppress", "with_ids"}
)  # parameters that are lists


class AllowedHosts:
    """The Host headers that the service answers for; remembers those that passed, for it is asked at every request."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: host names in lower case and without port; `*` allows every one."""
        self._names = frozenset(names)
        self._passed: set[bytes] = set()

    def __contains__(self, host: bytes) -> bool:
        if host in self._passed:
            return True
        allowed = "*" in self._names or host_name(host) in self._names
        if allowed and len(self._passed) < _REMEMBERED_HOSTS:
            self._passed.add(host)
        return allowed


class RequestChecks:
    """ASGI wrapper that raises a ProblemError for a request that is not acceptable, and answers CORS preflights."""

    def __init__(self, app: ASGIApp, settings: Settings, hosts: AllowedHosts) -> None:
        self._app = app
        self._settings = settings
        self._hosts = hosts
        self._body_bytes = {"/events": settings.events_body_bytes} if settings.events else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        body_bytes = self._body_bytes.get(scope["path"], self._settings.max_body_bytes)
        self._check(headers, body_bytes)
        check_query(scope["query_string"])
        keep_slashes_of_ids(scope)
        if scope["method"] == "OPTIONS" and is_named_origin(headers.get(b"origin"), self._settings):
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
            return
        if scope["method"] not in _WITHOUT_BODY:
            # Before admission: whoever sends slowly must not hold a place that others wait for.
            receive = _replay(await _read_body(receive, body_bytes), receive)
        await self._app(scope, receive, send)

    def _check(self, headers: dict[bytes, bytes], body_bytes: int) -> None:
        if headers.get(b"host", b"") not in self._hosts:
            raise ProblemError(400, "host", "This service does not answer for that host. Set MOVIEREC_ALLOWED_HOSTS.")
        if not self._accepts_origin(headers.get(b"origin")):
            raise ProblemError(400, "origin", "Calls from that origin are not accepted. Set MOVIEREC_ALLOWED_ORIGINS.")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > _LONGEST_NUMBER or int(length) > body_bytes:
            raise _too_large()

    def _accepts_origin(self, origin: bytes | None) -> bool:
        """Return whether a browser page of that origin may call: pages of allowed hosts, and those that are named."""
        if origin is None or is_named_origin(origin, self._settings):
            return True
        return origin.partition(b"://")[2] in self._hosts


def host_name(host: bytes) -> str:
    """Return the Host header without its port, in lower case."""
    return re.sub(r":\d*$", "", host.decode("latin-1")).lower()


def check_query(query: bytes) -> None:
    """Raise a 422 problem for broken UTF-8, control characters, or a parameter that is given twice."""
    names: set[str] = set()
    for pair in query.split(b"&") if query else ():
        try:
            name, _, value = (unquote_to_bytes(text.replace(b"+", b" ")).decode() for text in pair.partition(b"="))
        except UnicodeDecodeError:
            raise ProblemError(422, "invalid-query", "The query string is not valid UTF-8.") from None
        if CONTROL.search(name) or CONTROL.search(value):
            raise ProblemError(422, "invalid-query", "The query string holds control characters.")
        if name in names and name not in _REPEATABLE:
            raise ProblemError(422, "invalid-query", "A parameter is given twice.")
        names.add(name)


def keep_slashes_of_ids(scope: Scope) -> None:
    """Let an encoded slash below /movies/ belong to an id: as a zero byte, which does not end the step of the path."""
    path = scope.get("raw_path", b"").partition(b"?")[0]
    if path.startswith(_WITH_IDS) and _ENCODED_SLASH.search(path):
        scope["path"] = unquote_to_bytes(_ENCODED_SLASH.sub(b"%00", path)).decode("utf-8", "surrogateescape")


async def _read_body(receive: Receive, limit: int) -> bytes:
    """Return the whole body. Raises a 413 problem where it is larger than `limit` bytes."""
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
    """Return a `receive` that gives the body that was read already, and then what comes after it."""
    is_replayed = False

    async def replay() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _too_large() -> ProblemError:
    return ProblemError(413, "too-large", "The request body is too large.", headers={"Connection": "close"})
