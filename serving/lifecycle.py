"""State that the supervisor and its workers share, in memory that forked processes have in common."""

from __future__ import annotations

import mmap
import struct
import time

from serving.shared_metrics import SharedMetrics

_BEAT = struct.Struct("d")


class Lifecycle:
    """Whether the service is about to stop, when each worker's event loop last ran, and the workers' metrics."""

    def __init__(self, workers: int = 1, started_at: float = 0.0) -> None:
        """`started_at`: seconds since 1970; registry status written earlier does not confirm a version."""
        self.started_at = started_at
        self.metrics = SharedMetrics(workers)
        self._shared = mmap.mmap(-1, _BEAT.size * (workers + 3))  # and the writer of events, and the observer

    @property
    def draining(self) -> bool:
        """Whether the service is about to stop."""
        return self._shared[0] == 1

    def drain(self) -> None:
        """Tell every worker that the service is about to stop."""
        self._shared[0] = 1

    def beat(self, worker: int) -> None:
        """Record that the event loop of `worker` (0, 1, ...; then writer of events and observer) runs."""
        _BEAT.pack_into(self._shared, _BEAT.size * (worker + 1), time.monotonic())

    def silence(self, worker: int) -> float:
        """Return the seconds since the last beat of `worker`."""
        (beat,) = _BEAT.unpack_from(self._shared, _BEAT.size * (worker + 1))
        return time.monotonic() - float(beat)
