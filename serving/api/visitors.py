"""Leave out what a visitor has dismissed: reads the header `x-visitor` of calls for recommendations."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from online.dismissals import Dismissals
from online.events import KEY_LENGTH, KEY_PATTERN
from serving.api.plain_calls import PATHS
from serving.problem import ProblemError

HEADER = b"x-visitor"
_KEY = re.compile(KEY_PATTERN.encode())


class Visitors:
    """ASGI wrapper that notes what the visitor has dismissed; only visitors with dismissals leave the plain path."""

    def __init__(self, plain: ASGIApp, personal: ASGIApp, dismissals: Dismissals) -> None:
        self._plain = plain
        self._personal = personal
        self._dismissals = dismissals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PATHS:
            for name, value in scope["headers"]:
                if name == HEADER:
                    scope["dismissed"] = self._dismissals.of(_visitor(value))
        await (self._personal if scope.get("dismissed") else self._plain)(scope, receive, send)


def _visitor(value: bytes) -> str:
    if not _KEY.fullmatch(value):
        raise ProblemError(422, "invalid-request", f"Expected x-visitor to hold 1 to {KEY_LENGTH} visible characters.")
    return value.decode("ascii")
