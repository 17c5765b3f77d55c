"""Metrics of drift, as the observer last wrote them; imported only where events are switched on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from online.drift import Drift
from serving.versions.observation import read_observation


class DriftCollector(Collector):
    """Prometheus collector of drift."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield a gauge of each figure; none of one that cannot be compared."""
        observation = read_observation(self._store)
        drift = observation.drift if observation else None
        for name, value in drift or ():
            if value is not None:
                text = Drift.model_fields[name].description or ""
                yield GaugeMetricFamily(f"movierec_drift_{name}", text, value=value)
