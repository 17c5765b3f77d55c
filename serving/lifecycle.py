"""What the supervisor and its workers tell each other, through memory that forked processes share."""

from __future__ import annotations

import mmap
import struct
import time

from serving.shared_metrics import SharedMetrics

_BEAT = struct.Struct("d")


class Lifecycle:
    """Whether the service is about to stop, when each worker's event loop last ran, and the workers' metrics."""

    def __init__(self, workers: int = 1, started_at: float = 0.0) -> None:
        """`started_at`: time since 1970 before which nothing that a puller wrote counts as news."""
        self.started_at = started_at
        self.metrics = SharedMetrics(workers)
        self._shared = mmap.mmap(-1, _BEAT.size * (workers + 1))

    @property
    def draining(self) -> bool:
        """True once the service is about to stop."""
        return self._shared[0] == 1

    def drain(self) -> None:
        """Say 'not ready' from now on, in every process that shares this."""
        self._shared[0] = 1

    def beat(self, worker: int) -> None:
        """Note that the event loop of `worker` (0, 1, ...) runs."""
        _BEAT.pack_into(self._shared, _BEAT.size * (worker + 1), time.monotonic())

    def silence(self, worker: int) -> float:
        """Seconds since the last beat of `worker`."""
        (beat,) = _BEAT.unpack_from(self._shared, _BEAT.size * (worker + 1))
        return time.monotonic() - float(beat)
