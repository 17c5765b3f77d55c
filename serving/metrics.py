"""Prometheus metrics; right with several workers where PROMETHEUS_MULTIPROC_DIR was set before this is imported."""

from __future__ import annotations

import os

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Counter("movierec_requests_total", "Answers by route and status.", ["route", "status"])
LATENCY = Histogram("movierec_request_seconds", "Time to answer, by route.", ["route"], buckets=_SECONDS)


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
