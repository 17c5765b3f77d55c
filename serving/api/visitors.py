"""Read the header `x-visitor` of calls for recommendations: what was dismissed, and the arm of an experiment."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from online.events import KEY_LENGTH, KEY_PATTERN
from serving.api.online import Online
from serving.api.plain_calls import PATHS
from serving.problem import ProblemError

HEADER = b"x-visitor"
_KEY = re.compile(KEY_PATTERN.encode())


class Visitors:
    """ASGI wrapper that notes what the visitor dismissed and which version answers; others keep to the plain path."""

    def __init__(self, plain: ASGIApp, personal: ASGIApp, online: Online) -> None:
        self._plain = plain
        self._personal = personal
        self._online = online

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PATHS:
            for name, value in scope["headers"]:
                if name == HEADER:
                    visitor = _visitor(value)
                    scope["dismissed"] = self._online.dismissals.of(visitor)
                    scope["assignment"] = self._online.experiment.assign(visitor)
        is_personal = scope.get("dismissed") or scope.get("assignment")
        await (self._personal if is_personal else self._plain)(scope, receive, send)


def _visitor(value: bytes) -> str:
    if not _KEY.fullmatch(value):
        raise ProblemError(422, "invalid-request", f"Expected x-visitor to hold 1 to {KEY_LENGTH} visible characters.")
    return value.decode("ascii")
