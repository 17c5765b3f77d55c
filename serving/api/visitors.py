"""Read the header `x-visitor` of calls for recommendations: what was dismissed, and the arm of an experiment."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from online.events import KEY_LENGTH, KEY_PATTERN
from serving.api.online import Online
from serving.api.plain_calls import PATHS
from serving.api.plain_calls import VISITOR as HEADER
from serving.problem import ProblemError

_KEY = re.compile(KEY_PATTERN.encode())


class Visitors:
    """ASGI wrapper that notes what the visitor dismissed, which version answers and what is left to chance.

    Where there is nothing to note, the call is sent back to `plain`.
    """

    def __init__(self, app: ASGIApp, online: Online, plain: Callable[[], ASGIApp]) -> None:
        """`plain()`: the wrapper around this one, which answers plain calls and passes on those with the header."""
        self._app = app
        self._online = online
        self._plain = plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = next((value for name, value in scope["headers"] if name == HEADER), None)
        if key is None or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        visitor = _visitor(key)
        scope["dismissed"] = self._online.dismissals.of(visitor)
        scope["assignment"] = self._online.experiment.assign(visitor)
        scope["exploration"] = self._online.exploration()
        if scope["dismissed"] or scope["assignment"] or scope["exploration"]:
            await self._app(scope, receive, send)
        else:
            scope["headers"] = [header for header in scope["headers"] if header[0] != HEADER]
            await self._plain()(scope, receive, send)


def _visitor(value: bytes) -> str:
    if not _KEY.fullmatch(value):
        raise ProblemError(422, "invalid-request", f"Expected x-visitor to hold 1 to {KEY_LENGTH} visible characters.")
    return value.decode("ascii")
