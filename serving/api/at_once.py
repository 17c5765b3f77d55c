"""Answers to plain calls as bytes, which a connection sends at once: without a task and ASGI's messages.

Those cost more than looking a list up. What `Exchanges` adds to all other answers is added here; a test holds the two
ways to the same bytes.
"""

from __future__ import annotations

import time

from starlette.types import Scope

from serving.api.exchange import RequestIds
from serving.api.metrics import ANSWERS
from serving.api.plain_calls import ROUTE, PlainCalls
from serving.lifecycle import Lifecycle


class AtOnce:
    """Answers plain calls while the service is not about to stop."""

    def __init__(self, plain: PlainCalls, request_ids: RequestIds, lifecycle: Lifecycle) -> None:
        self._plain = plain
        self._request_ids = request_ids
        self._lifecycle = lifecycle
        self._counts = ANSWERS.of(ROUTE.path, 200)

    def __call__(self, scope: Scope) -> bytes | None:
        """Return the answer after its status line; None for a request that the ASGI application has to answer."""
        if self._lifecycle.draining:
            return None  # the connection has to close
        started = time.perf_counter()
        try:
            answer = self._plain.ready(scope)
        except Exception:  # noqa: BLE001 - the application meets it too, logs it and answers 500
            return None
        if answer is None:
            return None
        request_id = self._request_ids.choose(scope["headers"])
        self._counts.count(time.perf_counter() - started)
        return b"%bx-request-id: %b\r\n\r\n%b" % (answer.head, request_id, answer.body)
