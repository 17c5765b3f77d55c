"""The plain call in front of FastAPI: `GET /recommend/?title=…[&n=…]`, or `movie_id=`, for a film found at once.

Everything else, and every error, goes the long way; a test holds the two ways to the same answers. No pydantic, no
routing, no thread: parsing, one look-up and a join of ready-made bytes, which are kept for the next caller.
"""

from __future__ import annotations

import re
import time
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.ids import UNKNOWN
from recommender.model import Ranked
from serving import answers
from serving.gate import RequestIds, host_allowed
from serving.lifecycle import Lifecycle
from serving.metrics import ANSWERS
from serving.schemas import DEFAULT_N, TITLE_LENGTH
from serving.served import Served
from serving.settings import Settings
from serving.slots import ModelSlot

PATHS = frozenset({"/recommend/", "/recommend"})
KEPT_BYTES = 12_000_000  # of answers: about 4,000 lists of 10 films
_KEPT_OVERHEAD = 600  # bytes of the objects around an answer
_N = rb"100|[1-9][0-9]?"
_PLAIN = re.compile(rb"(?:n=(%b)&)?(title|movie_id)=([^&]+)|(title|movie_id)=([^&]+)&n=(%b)" % (_N, _N))
_LONG_WAY = frozenset({b"origin", b"if-none-match", b"content-length", b"transfer-encoding"})


class Kept(NamedTuple):
    """An answer, ready to be sent."""

    headers: list[tuple[bytes, bytes]]
    body: Message


class FastPath:
    """ASGI wrapper; see the module."""

    def __init__(
        self, rest: ASGIApp, slot: ModelSlot, settings: Settings, ids: RequestIds, lifecycle: Lifecycle
    ) -> None:
        self._rest = rest
        self._slot = slot
        self._settings = settings
        self._ids = ids
        self._lifecycle = lifecycle
        self._calls = ANSWERS.of("/recommend/", 200)
        self._hosts: set[bytes] = set()
        self._kept: dict[bytes, Kept] = {}
        self._kept_bytes = 0
        self._kept_for: Served | None = None
        self._log_all = settings.access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        kept = self._plain(scope) if scope["type"] == "http" and scope["path"] in PATHS else None
        if kept is None:
            await self._rest(scope, receive, send)
            return
        headers = [*kept.headers, (b"x-request-id", self._ids.of(scope["headers"]))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(kept.body)
        self._calls.count(time.perf_counter() - started)

    def _plain(self, scope: Scope) -> Kept | None:
        served = self._slot.served
        if served is None or scope["method"] != "GET" or self._log_all or self._lifecycle.draining:
            return None
        known = False
        for name, value in scope["headers"]:
            if name in _LONG_WAY:
                return None
            if name == b"host":
                known = value in self._hosts or self._known_host(value)
        if not known:
            return None
        if served is not self._kept_for:
            self._forget()
            self._kept_for = served
        query = scope["query_string"]
        return self._kept.get(query) or self._make(served, query)

    def _make(self, served: Served, query: bytes) -> Kept | None:
        plain = _PLAIN.fullmatch(query)
        found = _film(served, plain[2] or plain[4], plain[3] or plain[5]) if plain else None
        if plain is None or found is None:
            return None
        n, prebuilt = int(plain[1] or plain[6] or DEFAULT_N), served.model.neighbours(found[0])
        if n > len(prebuilt.rows):
            return None  # the full scorer has to answer, and not on the event loop
        ranked = Ranked(prebuilt.rows[:n], prebuilt.scores[:n])
        body = answers.recommendations(served, answers.subject_json(served, *found), ranked)
        headers = answers.headers(answers.entity_tag(served, b"/recommend", query), len(body))
        kept = Kept(headers, {"type": "http.response.body", "body": body})
        self._keep(query, kept, len(body))
        return kept

    def _keep(self, query: bytes, kept: Kept, size: int) -> None:
        size += len(query) + _KEPT_OVERHEAD
        if self._kept_bytes + size > KEPT_BYTES:
            self._forget()
        self._kept[query] = kept
        self._kept_bytes += size

    def _forget(self) -> None:
        self._kept, self._kept_bytes = {}, 0

    def _known_host(self, host: bytes) -> bool:
        allowed = host_allowed(host, self._settings.allowed_hosts)
        if allowed and len(self._hosts) < 64:
            self._hosts.add(host)
        return allowed


def _film(served: Served, by: bytes, raw: bytes) -> tuple[int, str] | None:
    """Row of the one film that is named, and how its name matched."""
    if by == b"movie_id":
        row = served.model.movie_ids.row(int(raw)) if raw.isdigit() and len(raw) < 16 else UNKNOWN
        return None if row == UNKNOWN else (row, "movie_id")
    title = _title(raw)
    found = served.model.titles.exact(title) if title is not None else []
    return (found[0].row, found[0].matched) if len(found) == 1 else None


def _title(raw: bytes) -> str | None:
    """The title where nothing about it needs a closer look."""
    try:
        title = (
            unquote_to_bytes(raw.replace(b"+", b" ")).decode() if b"%" in raw or b"+" in raw else raw.decode("ascii")
        )
    except UnicodeDecodeError:
        return None
    return title if title.isprintable() and len(title) <= TITLE_LENGTH and not title.isspace() else None
