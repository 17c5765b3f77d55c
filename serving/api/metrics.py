"""Prometheus metrics of the service, and the answer to /metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.shared_metrics import SharedMetrics
from serving.versions.pointers import Slot
from serving.versions.served import Served
from serving.versions.slot import ModelSlot

WORKER = CollectorRegistry()  # metrics of this process; `SharedMetrics` adds those of all workers up
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REJECTED = Counter("movierec_rejected_total", "Requests turned away because too many were waiting.", registry=WORKER)
SERVING = Gauge("movierec_worker_version", "Workers that serve a version.", ["slot", "version"], registry=WORKER)


class RouteCounts:
    """Count the answers of one route with one status, by their time.

    In plain integers: the library's counters would add 3 % to the time of a plain call.
    """

    def __init__(self) -> None:
        self.by_time = [0] * (len(_SECONDS) + 1)  # up to each of _SECONDS, and beyond
        self.seconds = 0.0

    def count(self, seconds: float) -> None:
        """Count one answer that took `seconds`."""
        self.by_time[bisect_left(_SECONDS, seconds)] += 1
        self.seconds += seconds


class AnswerCounts(Collector):
    """The answers of this process by route and status, and their times by route; or by another label than routes."""

    def __init__(self, name: str = "movierec_request", label: str = "route") -> None:
        self._name = name
        self._label = label
        self._routes: defaultdict[str, defaultdict[int, RouteCounts]] = defaultdict(lambda: defaultdict(RouteCounts))

    def of(self, route: str, status: int) -> RouteCounts:
        """Return the counts of a route's answers with that status."""
        return self._routes[route][status]

    def collect(self) -> list[Metric]:
        """Return a counter by route and status, and a histogram by route."""
        name, label = self._name, self._label
        requests = CounterMetricFamily(f"{name}s", f"Answers by {label} and status.", labels=[label, "status"])
        seconds = HistogramMetricFamily(f"{name}_seconds", f"Time to answer, by {label}.", labels=[label])
        for route, by_status in self._routes.items():
            for status, counts in by_status.items():
                requests.add_metric([route, str(status)], sum(counts.by_time))
            by_time = accumulate(map(sum, zip(*(counts.by_time for counts in by_status.values()), strict=True)))
            bounds = [*map(str, _SECONDS), "+Inf"]
            total = sum(counts.seconds for counts in by_status.values())
            seconds.add_metric([route], list(zip(bounds, by_time, strict=True)), total)
        return [requests, seconds]


ANSWERS = AnswerCounts()
ARM_ANSWERS = AnswerCounts("movierec_arm_answer", "arm")  # of experiments: NAME/ARM
WORKER.register(ANSWERS)
WORKER.register(ARM_ANSWERS)


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


def exposition(slot: ModelSlot, shared: SharedMetrics, drift: Collector | None = None) -> tuple[bytes, str]:
    """Return the metrics of all workers in Prometheus's text format, and its media type."""
    registry = CollectorRegistry()
    registry.register(WorkersCollector(shared))
    registry.register(RegistryCollector(slot))
    if drift is not None:
        registry.register(drift)
    return generate_latest(registry), CONTENT_TYPE_LATEST
