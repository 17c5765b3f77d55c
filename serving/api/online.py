"""What a worker holds for events: the way to their writer, ids of recommendations, dismissals and a rate limit."""

from __future__ import annotations

import asyncio
import math
import random
import time

from online.dismissals import Dismissals
from online.sender import EventSender
from serving.answering.explored import Exploration
from serving.api.drift_metrics import DriftCollector
from serving.api.recommendation_ids import RecommendationIds
from serving.schemas.events import MAX_EVENTS
from serving.settings import Settings
from serving.versions.experiment import ExperimentSlot


class Rate:
    """A token bucket: so many events a second, and a burst of at least one full batch."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._most = max(per_second, float(burst))
        self._left = self._most
        self._seen = time.monotonic()

    def take(self, count: int) -> int:
        """Take `count` events and return 0, or return the whole seconds after which they could be taken."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < count:
            return math.ceil((count - self._left) / self._per_second)
        self._left -= count
        return 0


class Online:
    """The parts of a worker that exist only where events are switched on."""

    def __init__(self, settings: Settings, experiment: ExperimentSlot) -> None:
        self.experiment = experiment
        self.drift = DriftCollector(settings.store_dir)
        self.sender = EventSender(settings.store_dir)
        self.ids = RecommendationIds(settings.store_dir)
        self.dismissals = Dismissals(settings.store_dir)
        self.rate = Rate(settings.events_per_second, MAX_EVENTS)
        self._explore = settings.explore
        self._pause = settings.watch_seconds

    def exploration(self) -> Exploration | None:
        """Draw what is left to chance in a list; None where nothing is."""
        return Exploration(self._explore, random.getrandbits(32)) if self._explore else None

    async def run(self) -> None:
        """Follow the signing keys and the experiment until cancelled; then close the connections."""
        try:
            await asyncio.gather(self.ids.watch(self._pause), self.experiment.watch(self._pause))
        finally:
            self.dismissals.close()
            await asyncio.shield(self.sender.close())
