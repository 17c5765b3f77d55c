"""Time and memory of preparing a data set from CSV files, against reading the files with pandas.

Each side runs in a fresh process, so that neither profits from memory or caches of the other. Libraries and compiled
code are loaded before the clock starts, by preparing a tiny twin.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.tools.figures import Figure, in_fresh_process, seconds, watched
from benchmarks.tools.twins import make_twin, twin, twin_config, twin_directory
from recommender import home
from training.datasets.store import ProcessedDataset, prepare

SMALL = 0.04  # of the full size: a million ratings
TINY = 0.01
JUDGED_FROM = 0.2  # below, fixed costs outweigh the costs per rating
_GIB = 2**30
# Column types for pandas, as a careful user would give them.
_DTYPES = {
    "ratings.csv": {"userId": "int32", "movieId": "int32", "rating": "float32", "timestamp": "int64"},
    "movies.csv": {"movieId": "int32", "title": "str", "genres": "str"},
    "links.csv": {"movieId": "int32", "imdbId": "int64", "tmdbId": "int64"},
    "tags.csv": {"userId": "int32", "movieId": "int32", "tag": "str", "timestamp": "int64"},
    "genome-tags.csv": {"tagId": "int32", "tag": "str"},
    "genome-scores.csv": {"movieId": "int32", "tagId": "int32", "relevance": "float32"},
}


class Writing(NamedTuple):
    """Seconds and peak bytes of a process that writes a twin."""

    seconds: float
    peak: int


class Memory(NamedTuple):
    """Peak bytes of `prepare`, bytes of the frames and matrices that it returns, number of ratings."""

    peak: int
    final: int
    ratings: int


def run(size: float, rounds: int) -> list[Figure]:
    """Measure writing the twin of `size` times MovieLens 25M, and preparing it."""
    writing = in_fresh_process(_make, size)
    in_fresh_process(_make, size * SMALL)
    large, small, read = [], [], []
    for _ in range(rounds):
        large.append(in_fresh_process(_prepare, size))
        read.append(in_fresh_process(_read, size))
        small.append(in_fresh_process(_prepare, size * SMALL))
    memory, few = in_fresh_process(_measure_memory, size), twin_config(size * SMALL).ratings
    ours, theirs = statistics.median(large), statistics.median(read)
    growth, before = 1e6 * ours / memory.ratings, 1e6 * statistics.median(small) / few
    peak, final, ratings = memory.peak, memory.final, f"{memory.ratings:,} ratings"
    time_bar, memory_bar, growth_bar = (3.5, 3.0, 1.2) if size >= JUDGED_FROM else (None, None, None)
    return [
        Figure.against(
            "ingest/prepare against pandas.read_csv", ours, theirs, time_bar, rounds=rounds, note=ratings
        ),
        Figure.against(
            "ingest/peak memory against what it gives", peak / _GIB, final / _GIB, memory_bar, unit="GiB",
            rounds=rounds, note="growth over the imports",
        ),
        Figure.against(
            "ingest/time for a rating against a 25th of the ratings", growth, before, growth_bar, unit="us",
            rounds=rounds,
        ),
        Figure("ingest/writing the twin, seconds", writing.seconds, unit="s", note=f"{ratings} and the tag genome"),
        Figure("ingest/writing the twin, peak memory in GiB", writing.peak / _GIB, 4.0, unit="GiB"),
    ]  # fmt: skip


def _make(size: float) -> Writing:
    taken = seconds(lambda: make_twin(size))
    return Writing(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _prepare(size: float) -> float:
    with tempfile.TemporaryDirectory(dir=home.raw_data()) as root:
        prepare("tiny", raw=twin(TINY), processed_root=Path(root))
        return seconds(lambda: prepare("synthetic", raw=twin_directory(size), processed_root=Path(root)))


def _measure_memory(size: float) -> Memory:
    """Measure memory in a run of its own, because the measurement slows the work."""
    with tempfile.TemporaryDirectory(dir=home.raw_data()) as root:
        prepare("tiny", raw=twin(TINY), processed_root=Path(root))
        dataset, _, peak = watched(lambda: prepare("synthetic", raw=twin_directory(size), processed_root=Path(root)))
        return Memory(peak, _bytes(dataset), len(dataset.ratings))


def _bytes(dataset: ProcessedDataset) -> int:
    """Return the bytes of the frames and of both matrices."""
    frames = (dataset.movies, dataset.ratings)
    matrices = (dataset.tags.matrix, dataset.user_item())
    return sum(int(frame.memory_usage(deep=True).sum()) for frame in frames) + sum(
        matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes for matrix in matrices
    )


def _read(size: float) -> float:
    files = {twin_directory(size) / name: dtypes for name, dtypes in _DTYPES.items()}
    return seconds(lambda: [pd.read_csv(path, dtype=dtypes, engine="c") for path, dtypes in files.items()])
