"""uvicorn's HTTP protocol with a deadline and a size limit on what arrives.

uvicorn holds a connection with half-sent headers for as long as the client likes; here a whole request, headers and
body, must arrive within a deadline. One sweep a second looks at all connections: no timer for each request.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from serving.problem import MEDIA_TYPE, ProblemError, malformed

ARRIVING_BYTES = 262_144  # far more than the largest body and a 70 kB title, which must still get its 422
URL_BYTES = 60_000
SWEEP_SECONDS = 1.0


def _refusal(problem: ProblemError) -> bytes:
    """A whole HTTP answer, for what never becomes a request."""
    body = orjson.dumps(problem.document())
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


_TOO_LARGE = _refusal(ProblemError(431, "too-large", "The request's headers are too large."))
_MALFORMED = _refusal(malformed())


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    arriving_since: float | None = None  # loop time at which a request began to arrive that is not whole yet
    _arrived = 0  # bytes of it
    _whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))  # the only kind that a server makes
        self.arriving_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        self._whole = False
        super().data_received(data)
        if self._whole:
            self.arriving_since = None
            self._arrived = 0
        else:
            self._note_part(len(data))

    def on_url(self, url: bytes) -> None:
        self.url = (self.url + url)[:URL_BYTES]  # the parser fails beyond 65,535; nothing so long is valid anyway

    def on_message_complete(self) -> None:
        self._whole = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_MALFORMED)
        self.transport.close()

    def _note_part(self, size: int) -> None:
        if self.arriving_since is None:
            self.arriving_since = self.loop.time()
        self._arrived += size
        if self._arrived > ARRIVING_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()


async def sweep(state: ServerState, deadline: float) -> None:
    """Cut, for ever, the connections whose request has been arriving for longer than `deadline` seconds."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        cut_late(state.connections, loop.time() - deadline)


def cut_late(connections: Any, before: float) -> None:
    """Close the connections on which a request began to arrive before the loop time `before`."""
    for connection in list(connections):
        since = getattr(connection, "arriving_since", None)
        if since is not None and since < before:
            connection.transport.abort()
