"""Prometheus metrics; right with several workers where PROMETHEUS_MULTIPROC_DIR was set before this is imported."""

from __future__ import annotations

import os
from bisect import bisect_left

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class BatchHistogram(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, counts: list[int], total: float) -> None:
        """Add `counts` observations by bucket, the last one unbounded, whose values sum to `total`."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


REQUESTS = Counter("movierec_requests_total", "Answers by route and status.", ["route", "status"])
LATENCY = BatchHistogram("movierec_request_seconds", "Time to answer, by route.", ["route"], buckets=_SECONDS)


class PlainCalls:
    """Counts answers of one route with status 200, in plain integers; `flush` hands them on.

    To count each in the shared files would take a tenth of the time that such an answer takes.
    """

    def __init__(self, route: str) -> None:
        self._requests = REQUESTS.labels(route, "200")
        self._latency = LATENCY.labels(route)
        self._counts = [0] * (len(_SECONDS) + 1)
        self._total = 0.0

    def count(self, seconds: float) -> None:
        """Note one answer."""
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._total += seconds

    def flush(self) -> None:
        """Hand on what was counted since the last time."""
        counts, total = self._counts, self._total
        if any(counts):
            self._counts, self._total = [0] * len(counts), 0.0
            self._requests.inc(sum(counts))
            self._latency.add(counts, total)


def exposition() -> tuple[bytes, str]:
    """The metrics of all workers in Prometheus's text format, and its media type."""
    registry: CollectorRegistry = REGISTRY
    if MULTIPROCESS_DIR in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is not annotated here
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_process(pid: int) -> None:
    """Take an ended worker out of the figures about living ones; its counts stay."""
    if MULTIPROCESS_DIR in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library is not annotated here
