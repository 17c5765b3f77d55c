"""Admission control: a few requests run at a time, a few more wait, and the rest get 503 at once.

Prebuilt answers, probes and metrics do not come through here: they must answer while every worker thread computes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.metrics import ANSWERS, REJECTED
from serving.problem import overloaded

FREE_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/events"})  # events wait for the disk, not for a processor


class Admission:
    """ASGI wrapper that lets a limited number of requests run and wait. Raises a 503 problem for the others."""

    def __init__(self, app: ASGIApp, running: int, queue: int, queue_seconds: float) -> None:
        """`running`, `queue`: how many requests run and wait; `queue_seconds`: longest wait of one."""
        self._app = app
        self._free = running
        self._queue = queue
        self._queue_seconds = queue_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def full(self) -> bool:
        """Whether the next request would be refused."""
        return not self._free and len(self._waiting) >= self._queue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in FREE_PATHS:
            await self._app(scope, receive, send)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._enter()
        try:
            await self._app(scope, receive, keep)
        finally:
            self._leave()  # before the answer is sent: a caller who reads slowly must not hold a place
        for message in answer:
            await send(message)

    async def _enter(self) -> None:
        """Take a place, or wait for one. Raises a 503 problem if too many wait already or the wait is too long."""
        if self._free:
            self._free -= 1
            return
        if self.full:
            REJECTED.inc()
            raise overloaded()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._wait(turn)
        except TimeoutError:
            REJECTED.inc()
            raise overloaded() from None

    async def _wait(self, turn: asyncio.Future[None]) -> None:
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
        """Hand the place to the request that has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class EarlyRefusal:
    """ASGI wrapper that refuses with a prebuilt 503, before any check, while too many requests wait.

    At ten times the load there are nine refusals to an answer; at the price of an answer's checks they would leave no
    time for it. `Admission` still refuses those whose body arrived when the last place was taken.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._refusal = overloaded().response()
        ANSWERS.of("none", 503)  # a series that starts at 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._admission.full or scope["path"] in FREE_PATHS:
            await self._app(scope, receive, send)
            return
        REJECTED.inc()
        await self._refusal(scope, receive, send)
