"""Metrics of all workers, in memory that forked processes share: no file that could be removed.

Each worker publishes snapshots of its own metrics; the answer to /metrics is their sum.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import orjson
from prometheus_client.core import Metric

SNAPSHOT_BYTES = 262_144  # every route with ten statuses and its histogram takes a fifth of this
_HEAD = struct.Struct("<QII")  # number of the snapshot, its CRC-32, its length
_ROOM = _HEAD.size + SNAPSHOT_BYTES
_CREATED = "_created"  # time at which a metric was made: has no sum


class SharedMetrics:
    """Shared memory with the latest metrics of each worker, and the counts of workers that ended.

    Each has two places, written in turn: a worker that is killed while it writes leaves the other snapshot whole.
    """

    def __init__(self, workers: int) -> None:
        self._ended = workers
        self._memory = mmap.mmap(-1, (workers + 1) * 2 * _ROOM)

    def publish(self, worker: int, metrics: Iterable[Metric]) -> None:
        """Replace the snapshot of `worker` (0, 1, ...). Raises ValueError where it has no room."""
        self._write(worker, metrics)

    def retire(self, worker: int) -> None:
        """Drop an ended worker's gauges and add its counters to those of all ended workers."""
        total = _sum([*self._read(self._ended), *self._read(worker)])
        self._write(self._ended, (metric for metric in total if metric.type != "gauge"))
        self._write(worker, ())

    def total(self) -> list[Metric]:
        """Return the sum over all workers, ended ones included."""
        return _sum(metric for place in range(self._ended + 1) for metric in self._read(place))

    def _write(self, place: int, metrics: Iterable[Metric]) -> None:
        body = _encode(metrics)
        if len(body) > SNAPSHOT_BYTES:
            raise ValueError(f"A snapshot of metrics takes {len(body)} bytes; expected at most {SNAPSHOT_BYTES}.")
        newest = max(self._snapshots(place), default=(0, b""))[0]
        start = self._start(place, newest + 1)
        head = _HEAD.pack(newest + 1, zlib.crc32(body), len(body))
        self._memory[start : start + len(head) + len(body)] = head + body

    def _read(self, place: int) -> list[Metric]:
        return _decode(max(self._snapshots(place), default=(0, b"[]"))[1])

    def _snapshots(self, place: int) -> Iterator[tuple[int, bytes]]:
        """Yield the number and body of the intact snapshots of a worker."""
        for half in (0, 1):
            start = self._start(place, half)
            number, checksum, length = _HEAD.unpack_from(self._memory, start)
            body = self._memory[start + _HEAD.size : start + _HEAD.size + min(length, SNAPSHOT_BYTES)]
            if number and zlib.crc32(body) == checksum:
                yield number, body

    @staticmethod
    def _start(place: int, number: int) -> int:
        return (2 * place + number % 2) * _ROOM


def _encode(metrics: Iterable[Metric]) -> bytes:
    return orjson.dumps(
        [
            (metric.name, metric.documentation, metric.type, [(s.name, s.labels, s.value) for s in metric.samples])
            for metric in metrics
        ]
    )


def _decode(snapshot: bytes) -> list[Metric]:
    metrics = []
    for name, documentation, kind, samples in orjson.loads(snapshot):
        metric = Metric(name, documentation, kind)
        for sample in samples:
            metric.add_sample(*sample)
        metrics.append(metric)
    return metrics


def _sum(metrics: Iterable[Metric]) -> list[Metric]:
    """Return one metric of each name; samples of the same name and labels are added."""
    totals: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = defaultdict(lambda: defaultdict(float))
    for metric in metrics:
        totals.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
        for sample in metric.samples:
            if not sample.name.endswith(_CREATED):
                values[metric.name][sample.name, tuple(sample.labels.items())] += sample.value
    for name, total in totals.items():
        for (sample_name, labels), value in values[name].items():
            total.add_sample(sample_name, dict(labels), value)
    return list(totals.values())
