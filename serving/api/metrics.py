"""Prometheus metrics of the service, and the answer to /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.shared_metrics import SharedMetrics
from serving.versions.pointers import Slot
from serving.versions.served import Served
from serving.versions.slot import ModelSlot

WORKER = CollectorRegistry()  # metrics of this process; `SharedMetrics` adds those of all workers up
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Counter("movierec_requests_total", "Answers by route and status.", ["route", "status"], registry=WORKER)
REJECTED = Counter("movierec_rejected_total", "Requests turned away because too many were waiting.", registry=WORKER)
SERVING = Gauge("movierec_worker_version", "Workers that serve a version.", ["slot", "version"], registry=WORKER)
LATENCY = Histogram(
    "movierec_request_seconds", "Time to answer, by route.", ["route"], buckets=_SECONDS, registry=WORKER
)


class RouteCounts:
    """Request counter and latency histogram of one route and status."""

    def __init__(self, route: str, status: int) -> None:
        self._requests = REQUESTS.labels(route, str(status))
        self._latency = LATENCY.labels(route)

    def count(self, seconds: float) -> None:
        """Count one answer that took `seconds`."""
        self._requests.inc()
        self._latency.observe(seconds)


@cache
def route_counts(route: str, status: int) -> RouteCounts:
    """Return the counts of one route and status; there are few of both."""
    return RouteCounts(route, status)


class WorkersCollector(Collector):
    """Prometheus collector that adds up the metrics of all workers."""

    def __init__(self, shared: SharedMetrics) -> None:
        self._shared = shared

    def collect(self) -> list[Metric]:
        """Return one metric of each name, summed over the workers."""
        return self._shared.total()


class RegistryCollector(Collector):
    """Prometheus collector of the registry's status, which is the same from every worker."""

    def __init__(self, slot: ModelSlot) -> None:
        self._slot = slot

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the metrics of the registry's and the served version's state."""
        status, served = self._slot.status, self._slot.served
        figures = {
            "movierec_registry_reachable": ("1 while the registry answers the puller.", status.reachable),
            "movierec_registry_checked_timestamp_seconds": ("When the puller last looked.", status.checked_at),
            "movierec_model_stale": ("1 while the registry does not confirm the version.", not served or served.stale),
            "movierec_model_loaded": ("1 while a version is served.", served is not None),
        }
        for name, (documentation, value) in figures.items():
            yield GaugeMetricFamily(name, documentation, value=float(value))
        refusals = "Versions that the puller did not take."
        yield CounterMetricFamily("movierec_pull_refusals", refusals, value=status.refusal_count)
        yield CounterMetricFamily("movierec_pulls", "Versions that the puller took.", value=status.pulls)


def count_version(slot: Slot, before: Served | None, after: Served | None) -> None:
    """Update the gauge of workers by served version after this worker has swapped `before` for `after`."""
    if before is not None:
        SERVING.remove(slot, before.meta.version)
    if after is not None:
        SERVING.labels(slot, after.meta.version).set(1)


def exposition(slot: ModelSlot, shared: SharedMetrics) -> tuple[bytes, str]:
    """Return the metrics of all workers in Prometheus's text format, and its media type."""
    registry = CollectorRegistry()
    registry.register(WorkersCollector(shared))
    registry.register(RegistryCollector(slot))
    return generate_latest(registry), CONTENT_TYPE_LATEST
