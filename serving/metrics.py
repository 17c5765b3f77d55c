"""Prometheus metrics; right with several workers where PROMETHEUS_MULTIPROC_DIR was set before this is imported."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from serving.model_store import Slot
from serving.served import Served
from serving.slots import ModelSlot

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
REJECTED = Counter("movierec_rejected_total", "Requests turned away because too many were waiting.")
SERVING = Gauge(
    "movierec_worker_version",
    "Workers that serve a version.",
    ["slot", "version"],
    multiprocess_mode="livesum",
)
LATENCY = BatchHistogram("movierec_request_seconds", "Time to answer, by route.", ["route"], buckets=_SECONDS)


class PlainCalls:
    """Counts answers of one route with one status, in plain integers; `flush` hands them on.

    To count each in the shared files would take a tenth of the time that such an answer takes.
    """

    def __init__(self, route: str, status: int, also: Counter | None = None) -> None:
        """`also`: a further counter of the same answers."""
        self._counters = [REQUESTS.labels(route, str(status)), *([also] if also else [])]
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
            for counter in self._counters:
                counter.inc(sum(counts))
            self._latency.add(counts, total)


class RegistryCollector(Collector):
    """What the puller last saw of the registry; the same from every worker."""

    def __init__(self, slot: ModelSlot) -> None:
        self._slot = slot

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """One figure of each kind."""
        status, served = self._slot.status, self._slot.served
        figures = {
            "movierec_registry_reachable": ("1 while the registry answers the puller.", status.reachable),
            "movierec_registry_checked_timestamp_seconds": ("When the puller last looked.", status.checked_at),
            "movierec_model_stale": ("1 while the registry does not confirm the version.", not served or served.stale),
            "movierec_model_loaded": ("1 while a version is served.", served is not None),
        }
        for name, (told, value) in figures.items():
            yield GaugeMetricFamily(name, told, value=float(value))
        refused = "Versions that the puller did not take."
        yield CounterMetricFamily("movierec_pull_refusals", refused, value=status.refusal_count)
        yield CounterMetricFamily("movierec_pulls", "Versions that the puller took.", value=status.pulls)


def note_version(slot: Slot, before: Served | None, after: Served | None) -> None:
    """Count this worker among those that serve a version."""
    for served, value in ((before, 0), (after, 1)):
        if served is not None:
            SERVING.labels(slot, served.meta.version).set(value)


def exposition(slot: ModelSlot) -> tuple[bytes, str]:
    """The metrics of all workers in Prometheus's text format, and its media type."""
    shared = CollectorRegistry()
    if MULTIPROCESS_DIR in os.environ:
        MultiProcessCollector(shared)
    own = CollectorRegistry()
    own.register(RegistryCollector(slot))
    text = generate_latest(shared if MULTIPROCESS_DIR in os.environ else REGISTRY)
    return text + generate_latest(own), CONTENT_TYPE_LATEST


def forget_process(pid: int) -> None:
    """Take an ended worker out of the figures about living ones; its counts stay."""
    if MULTIPROCESS_DIR in os.environ:
        mark_process_dead(pid)
