"""Ask a running service every recorded request again, and report what differs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.golden.comparison import NUMBER_TOLERANCE, Comparison, Outcome, compare
from tests.golden.exchange import Client, Response
from tests.golden.recording import Exchange, Request

PUBLISHED_SECONDS = 2.0  # workers publish what they counted every MOVIEREC_WATCH_SECONDS, 0.25


class Report(NamedTuple):
    """How a replay went, in the order of the recording."""

    comparisons: Sequence[Comparison]

    @property
    def counts(self) -> Counter[Outcome]:
        return Counter(comparison.outcome for comparison in self.comparisons)

    def passes(self, *, exact: bool = False) -> bool:
        """Whether every answer is the recorded one; unless `exact`, the last digits of numbers may differ."""
        accepted = {Outcome.EQUAL} if exact else {Outcome.EQUAL, Outcome.CLOSE}
        return set(self.counts) <= accepted

    def text(self, most: int = 5) -> str:
        """The tally, differences by kind of request, and the first of them in full."""
        counts, total = self.counts, len(self.comparisons)
        lines = [f"{counts[Outcome.EQUAL]:,} of {total:,} equal"]
        if counts[Outcome.CLOSE]:
            lines.append(f"{counts[Outcome.CLOSE]:,} equal but for numbers that differ by at most {NUMBER_TOLERANCE:g}")
        failures = [comparison for comparison in self.comparisons if comparison.outcome is Outcome.DIFFERENT]
        if failures:
            kinds = Counter(comparison.exchange.request.kind for comparison in failures)
            lines.append(f"{len(failures):,} different: " + ", ".join(f"{n:,} {kind}" for kind, n in kinds.items()))
        uneven = failures or [comparison for comparison in self.comparisons if comparison.outcome is Outcome.CLOSE]
        for comparison in uneven[:most]:
            request = comparison.exchange.request
            lines += ["", f"[{request.kind}] {request.summary}", comparison.difference]
        return "\n".join(lines)


def replay(port: int, exchanges: Iterable[Exchange]) -> Report:
    """Ask every recorded request again, in order, and compare the answers."""
    with Client(port) as client:
        return Report([compare(exchange, ask(client, exchange.request)) for exchange in exchanges])


def ask(client: Client, request: Request) -> Response:
    """Send a recorded request and return the answer; before the metrics, wait until the workers have published them."""
    if request.kind == "metrics":
        time.sleep(PUBLISHED_SECONDS)
    return client.send(request.raw)
