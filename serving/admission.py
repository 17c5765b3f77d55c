"""Admission control: computed answers are worked on a few at a time, a few more wait, the rest is told so at once.

Ready-made answers, probes and metrics do not come through here: they must answer while every worker thread computes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.metrics import REJECTED
from serving.problem import ProblemError

FREE_PATHS = frozenset({"/livez", "/readyz", "/metrics"})
RETRY_SECONDS = "1"


class Admission:
    """ASGI wrapper; see the module."""

    def __init__(self, app: ASGIApp, running: int, queue: int) -> None:
        self._app = app
        self._free = running
        self._queue = queue
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in FREE_PATHS:
            await self._app(scope, receive, send)
            return
        await self._enter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._leave()

    async def _enter(self) -> None:
        """Take a place, or wait for one. Raises a 503 problem where too many wait already."""
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._queue:
            REJECTED.inc()
            raise ProblemError(
                503, "overloaded", "Too many requests are waiting; try again.", headers={"Retry-After": RETRY_SECONDS}
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # whoever left may have passed it over already
                    self._waiting.remove(turn)
            else:
                self._leave()  # the place had been handed over already
            raise

    def _leave(self) -> None:
        """Hand the place to who waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
