"""An HTTP connection with deadlines for requests and answers, and limits on what it may hold.

uvicorn keeps a connection with half-sent headers, or with answers that nobody reads, for as long as the client likes.
Here a whole request must arrive, and an answer must be taken, within a deadline; one sweep a second looks at all
connections, so that no request needs a timer. While a client does not read, its next requests are not begun.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import orjson
import structlog
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from serving.problem import MEDIA_TYPE, ProblemError, malformed

ARRIVING_BYTES = 262_144  # of a request's head: far more than a 70 kB title, which must still get its 422
URL_BYTES = 60_000
PIPELINED = 50  # requests of one connection that may wait for their turn; the connection closes after them
SWEEP_SECONDS = 1.0
MOST_FILES = 4096
OTHER_FILES = 64  # files of a worker that are no connections, also while it loads a version

_NO_LINGER = struct.pack("ii", 1, 0)

log = structlog.get_logger(__name__)


def _refusal(problem: ProblemError) -> bytes:
    """Return the bytes of a whole HTTP answer, for what never becomes a request."""
    body = orjson.dumps(problem.document())
    head = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


_TOO_LARGE = _refusal(ProblemError(431, "too-large", "The request's headers are too large."))
_MALFORMED = _refusal(malformed())


_latest_head: tuple[list[tuple[bytes, bytes]], bytes] = [], b""


def _status_and(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return the status line of a good answer, and the headers of all answers, which the server renews each second."""
    global _latest_head
    if _latest_head[0] is not headers:
        lines = (b"%b: %b\r\n" % header for header in headers)
        _latest_head = headers, b"HTTP/1.1 200 OK\r\n" + b"".join(lines)
    return _latest_head[1]


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection with deadlines and limits; a test holds what it uses of uvicorn's inside."""

    _arriving_since: float | None = None  # loop time at which a request began to arrive that is not whole yet
    _unsent_since: float | None = None  # loop time since which the client has not caught up with its answers
    _arrived = 0  # bytes of the head that is arriving; the application limits bodies
    _has_head = False
    _whole = False
    _running: RequestResponseCycle | None = None  # the request that is being answered
    _flooded = False  # more than PIPELINED requests were waiting
    _cut = ""  # why the sweep closed the connection
    _active_at = 0.0  # loop time at which it was made or last sent something
    limit = 900  # connections of this process; `limit_connections` sets it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))  # the only kind that a server makes
        self._arriving_since = self._active_at = self.loop.time()
        if len(self.connections) > self.limit:
            idle = [other for other in self.connections if isinstance(other, GuardedConnection) and other.is_idle]
            min(idle, key=lambda other: other._active_at, default=self)._reset()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered; it may be closed to make room."""
        is_answering = self._running is not None and not self._running.response_complete
        return not (is_answering or self.pipeline or self.transport.is_closing())

    @property
    def _is_untimed(self) -> bool:
        """Whether it is idle after an answer that was sent at once, and uvicorn has set no timer to close it."""
        return self._arriving_since is None and self.timeout_keep_alive_task is None and self.is_idle

    def connection_lost(self, exc: Exception | None) -> None:
        running = self._running
        unanswered = len(self.pipeline)
        self.pipeline.clear()
        if running is not None and not running.response_complete:
            unanswered += 1
            running.disconnected = True  # uvicorn marks only the latest request of the connection
            running.message_event.set()
        if unanswered or self._cut:
            log.info("caller_gone", reason=self._cut or "connection closed", unanswered=unanswered)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._unsent_since = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._whole = False
        self._active_at = self.loop.time()
        super().data_received(data)
        if self._whole:
            self._arriving_since = None
            self._arrived = 0
        else:
            self._note_unfinished(len(data))

    def on_url(self, url: bytes) -> None:
        self.url = (self.url + url)[:URL_BYTES]  # the parser fails beyond 65,535; nothing so long is valid anyway

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # trailers, which follow a body in chunks, must not pass for headers
            super().on_header(name, value)

    def on_message_begin(self) -> None:
        self._has_head = False
        if len(self.pipeline) >= PIPELINED:
            self._flooded = True
            self.cycle.keep_alive = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._has_head = True
        if not self._flooded:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._flooded:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole = True
        if not self._flooded:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_MALFORMED)
        self.transport.close()

    def _note_unfinished(self, size: int) -> None:
        if self._arriving_since is None:
            self._arriving_since = self.loop.time()
        self._arrived = 0 if self._has_head else self._arrived + size
        if self._arrived > ARRIVING_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        if self.flow.write_paused:
            super()._start_asgi_task(cycle, self._when_read(cycle, app))
        elif not self._answer_at_once(cycle, getattr(app, "at_once", None)):
            super()._start_asgi_task(cycle, app)

    def _answer_at_once(self, cycle: RequestResponseCycle, at_once: Callable[[Any], bytes | None] | None) -> bool:
        """Send the answer of an application that has it ready, and return whether it has."""
        answer = at_once(cycle.scope) if at_once is not None and cycle.keep_alive else None
        if answer is None:
            return False
        cycle.response_started = cycle.response_complete = True
        self.transport.write(_status_and(cycle.default_headers) + answer)
        if self.pipeline:
            cycle.on_response()  # begins the next one
        else:
            self.server_state.total_requests += 1  # without a timer: the sweep closes idle connections, too
        return True

    def _when_read(self, cycle: RequestResponseCycle, app: Any) -> Any:
        """Return `app`, begun when the client has read the answers before."""

        async def begin(scope: Scope, receive: Receive, send: Send) -> None:
            await self.flow.drain()
            if not cycle.disconnected:
                await app(scope, receive, send)

        return begin

    def cut_if_late(self, now: float, arrival_seconds: float, answer_seconds: float) -> None:
        """Close the connection if a request arrives, an answer is not taken, or nothing is asked for too long."""
        if self.transport.get_write_buffer_size() == 0:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        if self._unsent_since is not None and now - self._unsent_since > answer_seconds:
            self._cut = "answers not read in time"
            self._reset()
        elif self._arriving_since is not None and now - self._arriving_since > arrival_seconds:
            self._reset()
        elif self._is_untimed and now - self._active_at > self.timeout_keep_alive:
            self.transport.close()

    def _reset(self) -> None:
        """Close at once; without the option the kernel would keep unread bytes for minutes."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()


def limit_connections() -> None:
    """Let this process open as many files as it may, and keep the number of connections below that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(soft, min(MOST_FILES, hard)) if hard != resource.RLIM_INFINITY else max(soft, MOST_FILES)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        soft = files
    GuardedConnection.limit = max(min(soft, MOST_FILES) - OTHER_FILES, soft // 2)


async def sweep(state: ServerState, arrival_seconds: float, answer_seconds: float) -> None:
    """Close late connections once a second, for ever; see GuardedConnection.cut_if_late."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        for connection in list(state.connections):
            if isinstance(connection, GuardedConnection):
                connection.cut_if_late(loop.time(), arrival_seconds, answer_seconds)
