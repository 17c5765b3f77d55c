"""Answers the most common call without FastAPI: `GET /recommend/?title=…[&n=…]`, or `movie_id=`, for one known film.

Every other request, and every error, goes on to the application; a test holds the two ways to the same answers. There
is no pydantic, no routing and no thread: parsing, one look-up and a join of prebuilt bytes, cached by query string.
The connection sends such an answer at once (`serving.api.at_once`); as an ASGI wrapper it comes without that.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from recommender.films.ids import UNKNOWN
from serving.answering import json_bytes
from serving.answering.listed import Listed
from serving.api.metrics import ANSWERS
from serving.api.request_checks import AllowedHosts
from serving.schemas.common import DEFAULT_N, TITLE_LENGTH
from serving.versions.served import Served
from serving.versions.slot import ModelSlot

if TYPE_CHECKING:
    from serving.api.recommendation_ids import RecommendationIds

PATHS = frozenset({"/recommend/", "/recommend"})
CACHE_BYTES = 12_000_000  # about 4,000 lists of 10 films
ASKED_ONCE = 10_000  # query strings of which it is known that they were asked for once
_ENTRY_OVERHEAD = 900  # bytes of the objects around a cached answer
_N = rb"100|[1-9][0-9]?"
_PLAIN_QUERY = re.compile(rb"(?:n=(%b)&)?(title|movie_id)=([^&]+)|(title|movie_id)=([^&]+)&n=(%b)" % (_N, _N))
_WITHOUT_ID = 3  # headers of an answer
VISITOR = b"x-visitor"
_OTHER_WAY = frozenset({b"origin", b"if-none-match", b"content-length", b"transfer-encoding", b"upgrade", b"expect"})


@dataclass(slots=True, eq=False)
class ReadyAnswer:
    """An answer, ready to be sent: its headers, also as they are sent, its body, and what the list is for."""

    headers: list[tuple[bytes, bytes]]
    head: bytes
    body: bytes
    listed: Listed
    second: int = 0  # in which it got its id


class _Route(NamedTuple):
    """What `route_name` reads of the route that answered."""

    path: str


ROUTE = _Route("/recommend/")


class PlainCalls:
    """ASGI wrapper that answers plain calls and passes all other requests on."""

    def __init__(
        self, app: ASGIApp, slot: ModelSlot, hosts: AllowedHosts, ids: RecommendationIds | None = None
    ) -> None:
        """`ids`: where lists get an id, and may depend on who asks."""
        self._app = app
        self._slot = slot
        self._hosts = hosts
        self._ids = ids
        self._other_way = _OTHER_WAY if ids is None else _OTHER_WAY | {VISITOR}
        self._cache: dict[bytes, ReadyAnswer] = {}  # by query string
        self._cache_bytes = 0
        self._asked_once: set[int] = set()  # hashes of query strings
        self._cached_version: Served | None = None
        ANSWERS.of(ROUTE.path, 200)  # a series that starts at 0, so that rates see its first answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.ready(scope)
        if answer is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = ROUTE
        await send({"type": "http.response.start", "status": 200, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def ready(self, scope: Scope) -> ReadyAnswer | None:
        """Return the cached or a new answer to a plain call; None for every other request."""
        answer = self._answer(scope) if scope["path"] in PATHS and self._is_plain(scope) else None
        if answer is not None and self._ids is not None and answer.second != (second := int(time.time())):
            # A list gets a new id every second: signing each answer would cost more than the answer.
            answer.headers = answer.headers[:_WITHOUT_ID] + self._ids.headers(answer.listed)
            answer.head, answer.second = _head(answer.headers), second
        return answer

    def _is_plain(self, scope: Scope) -> bool:
        """Return whether it is a GET to an allowed host, without a header that the application has to look at."""
        if scope["method"] != "GET":
            return False
        host = b""
        for name, value in scope["headers"]:
            if name in self._other_way:
                return False
            if name == b"host":
                if host:
                    return False  # the application refuses a second one
                host = value
        return host in self._hosts

    def _answer(self, scope: Scope) -> ReadyAnswer | None:
        """Return the cached or a new answer, or None where it takes more than a look-up."""
        served = self._slot.served
        if served is None:
            return None
        if served is not self._cached_version:
            self._clear_cache()
            self._cached_version = served
        query = scope["query_string"]
        answer = self._cache.get(query)
        if answer is None and (answer := _build_answer(served, query)) is not None:
            self._remember(query, answer)
        return answer

    def _remember(self, query: bytes, answer: ReadyAnswer) -> None:
        """Keep an answer that is asked for again; those asked for once would cost memory and push others out."""
        if hash(query) not in self._asked_once:
            if len(self._asked_once) >= ASKED_ONCE:
                self._asked_once.clear()
            self._asked_once.add(hash(query))
            return
        size = len(answer.body) + len(query) + _ENTRY_OVERHEAD
        if self._cache_bytes + size > CACHE_BYTES:
            self._clear_cache()
        self._cache[query] = answer
        self._cache_bytes += size

    def _clear_cache(self) -> None:
        self._cache, self._cache_bytes = {}, 0


def _build_answer(served: Served, query: bytes) -> ReadyAnswer | None:
    """Join the prebuilt bytes of the film's most similar films; None for a query that is not plain."""
    match = _PLAIN_QUERY.fullmatch(query)
    film = _find_film(served, match[2] or match[4], match[3] or match[5]) if match else None
    if match is None or film is None:
        return None
    n = int(match[1] or match[6] or DEFAULT_N)
    nearest = served.model.nearest(film[0], n)
    if nearest is None:
        return None  # the full scorer has to answer, and not on the event loop
    body = json_bytes.plain_recommendations(served, json_bytes.subject_json(served, *film), *nearest)
    headers = json_bytes.headers(json_bytes.entity_tag(served, b"/recommend", query), len(body))
    return ReadyAnswer(headers, _head(headers), body, Listed(served, n, item_row=film[0]))


def _head(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _find_film(served: Served, parameter: bytes, value: bytes) -> tuple[int, str] | None:
    """Return the row of the one film that is named, and how its name matched."""
    movie_ids = served.model.movie_ids
    if parameter == b"movie_id" and not movie_ids.is_text:
        row = movie_ids.row(int(value)) if value.isdigit() and len(value) < 16 else UNKNOWN
        return None if row == UNKNOWN else (row, "movie_id")
    text = _decode_text(value)
    if parameter == b"movie_id":
        row = UNKNOWN if text is None else movie_ids.row(text)
        return None if row == UNKNOWN else (row, "movie_id")
    matches = served.model.titles.exact(text) if text is not None else []
    return (matches[0].row, matches[0].matched) if len(matches) == 1 else None


def _decode_text(encoded: bytes) -> str | None:
    """Return the title or id, or None where something about it needs a closer look."""
    spaced = encoded.replace(b"%20", b" ").replace(b"+", b" ")
    try:
        title = unquote_to_bytes(spaced).decode() if b"%" in spaced else spaced.decode("ascii")
    except UnicodeDecodeError:
        return None
    return title if title.isprintable() and len(title) <= TITLE_LENGTH and not title.isspace() else None
