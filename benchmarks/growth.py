"""Growth of the processor time per rating with the number of ratings, from files to a saved bundle."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.tools.figures import Figure
from benchmarks.tools.twins import twin
from training.bundling.build import build_bundle
from training.datasets.store import prepare
from training.models.factors.als import Als
from training.models.parameters import AlsConfig
from training.progress import silent
from training.splits.cut import all_ratings, training_data

SMALLEST = 0.04  # of MovieLens 25M: a million ratings
FIRST = 0.0004  # loads the libraries; not reported


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure microseconds of processor time per rating on the twin of `size`, against those of a million ratings.

    Processor time, not wall time: other work of the machine counts little. Always one round, whatever `rounds`.
    """
    _measure(FIRST)
    small, large = _measure(SMALLEST), _measure(size)
    ratings = f"{large.pop('ratings'):,.0f} against {small.pop('ratings'):,.0f} ratings"
    return [
        Figure.against(f"growth of {stage}", large[stage], small[stage], unit="µs", note=ratings) for stage in small
    ]


def _measure(size: float) -> dict[str, float]:
    """Return stage -> microseconds of processor time per rating; `ratings` -> their number."""
    cpu_seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        raw = twin(size)
        with _timed(cpu_seconds, "reading, cleaning and storing"):
            dataset = prepare("twin", raw=raw, processed_root=Path(scratch) / "processed")
        data, ratings = training_data(dataset, all_ratings(dataset)), len(dataset.ratings)
        with _timed(cpu_seconds, "fitting ALS"):
            fitted = Als(AlsConfig()).fit(data, seed=0, progress=silent)
        with _timed(cpu_seconds, "neighbours and saving the bundle"):
            build_bundle(Path(scratch) / "bundle", fitted, dataset, data)
        return {**{stage: 1e6 * cpu / ratings for stage, cpu in cpu_seconds.items()}, "ratings": ratings}


@contextmanager
def _timed(cpu_seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.process_time()
    yield
    cpu_seconds[stage] = time.process_time() - start
