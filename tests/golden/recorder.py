"""Record the answers of the service to varied requests."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from tests.golden.catalogue import look_around
from tests.golden.comparison import Outcome
from tests.golden.exchange import Client
from tests.golden.recording import Exchange, Request
from tests.golden.replaying import ask, replay
from tests.golden.request_list import varied_requests

COUNT = 2000
_CONDITIONAL = 60
_SPARE = 60  # requests to fill the places of those that another processor answers with another list
# Sets of instructions that OpenBLAS may be told to use. On a processor of another make they change nothing.
_KERNELS = ("Prescott", "Nehalem", "Sandybridge")
_METRICS = Request("metrics", b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nx-request-id: golden-metrics\r\n\r\n")
_ETAG = re.compile(rb"(?m)^etag: ([^\r\n]+)")

Serve = Callable[[dict[str, str]], AbstractContextManager[int]]  # from environment variables to a port


def record(serve: Serve, *, seed: int) -> list[Exchange]:
    """Ask COUNT requests, each of which processors old and new answer alike, and keep the answers."""
    with serve({}) as port, Client(port) as client:
        tried = _ask(client, varied_requests(look_around(client), COUNT + _SPARE, seed))
    unsteady: set[Request] = set()
    for kernel in _KERNELS:
        with serve({"OPENBLAS_CORETYPE": kernel}) as port:
            report = replay(port, tried)
        unsteady |= {done.exchange.request for done in report.comparisons if done.outcome is Outcome.DIFFERENT}
    steady = [exchange.request for exchange in tried if exchange.request not in unsteady]
    with serve({}) as port, Client(port) as client:
        # The metrics last, for they name the addresses that were asked before; what needs entity tags after them.
        exchanges = _ask(client, [*steady[: COUNT - _CONDITIONAL - 1], _METRICS])
        return exchanges + _ask(client, _conditional_requests(exchanges, seed))


def _ask(client: Client, requests: Sequence[Request]) -> list[Exchange]:
    return [Exchange(request, ask(client, request)) for request in requests]


def _conditional_requests(exchanges: Sequence[Exchange], seed: int) -> list[Request]:
    """Answers asked for again by their entity tags, now and then by those of others."""
    rng = random.Random(seed)
    tagged = [exchange for exchange in exchanges if _ETAG.search(exchange.response.head)]
    requests = []
    for exchange in rng.sample(tagged, _CONDITIONAL):
        other = rng.choice(tagged) if rng.random() < 0.2 else exchange
        tag = _ETAG.search(other.response.head)
        assert tag, "only answers with one were chosen"
        head = exchange.request.raw.removesuffix(b"\r\n")
        requests.append(Request("conditional", b"%b" % head + b"if-none-match: %b\r\n\r\n" % tag[1]))
    return requests
