"""Metrics of drift, from the latest events; imported only where events are switched on."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from online.drift import LATEST, Drift, drift
from online.signing_keys import read_keys
from online.store import DIRECTORY, EventReader, events_file
from recommender.errors import MissingInputError
from serving.versions.slot import ModelSlot

_FRESH_SECONDS = 60.0
_TEXTS = {
    "unknown_items": "Share of clicked, watched and rated items that the served version does not know.",
    "subjects": "Distance of the popularity of films asked about from the training data's, 0 to 1.",
    "ratings": "Distance of the spread of ratings from the training data's, 0 to 1.",
    "coverage": "Share of the catalogue that was shown.",
    "model_age_seconds": "Seconds since the served version was trained.",
}

log = structlog.get_logger(__name__)


class DriftCollector(Collector):
    """Prometheus collector of drift, computed at most once a minute by the worker that is asked."""

    def __init__(self, slot: ModelSlot) -> None:
        self._slot = slot
        self._drift: Drift | None = None
        self._until = 0.0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield a gauge of each figure; none before there are events."""
        if time.monotonic() >= self._until:
            self._drift = self._compute()
            self._until = time.monotonic() + _FRESH_SECONDS
        if self._drift is not None:
            for name, value in self._drift._asdict().items():
                yield GaugeMetricFamily(f"movierec_drift_{name}", _TEXTS[name], value=value)

    def _compute(self) -> Drift | None:
        store, served = self._slot.store.root, self._slot.served
        keys = read_keys(store / DIRECTORY)
        if served is None or keys is None:
            return None
        try:
            reader = EventReader(events_file(store))
        except MissingInputError:  # nobody has sent events yet
            return None
        try:
            latest = reader.events(after=reader.last_number() - LATEST)
            return drift((event for _, event in latest), keys.keys, served.model)
        except sqlite3.Error as error:
            log.warning("drift_not_computed", error=str(error))
            return None
        finally:
            reader.close()
