"""Time from CSV files to a saved composite bundle, without evaluation, against the sum of the floors of its stages.

The floors are read_csv of every file, the SVD fit alone, direct calls of implicit's ALS, on every rating (for titles)
and on the likes (for people), and of TruncatedSVD, the matrix product behind all-pairs neighbours by taste and content,
and one write of the bundle's arrays. Every side runs in a fresh process of its own.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD

from benchmarks.als import bare as bare_als
from benchmarks.tools.figures import Figure, in_fresh_process, seconds, watched
from benchmarks.tools.twins import twin
from benchmarks.topk import product
from recommender.bundle import load_arrays, read_manifest
from recommender.scoring.blocks import with_data
from training.bundling.build import build_bundle, compose
from training.datasets.store import prepare
from training.models import configure, make
from training.models.fits import Fits
from training.models.parameters import AlsConfig
from training.progress import silent
from training.splits.cut import all_ratings, training_data

SMALL = 0.2  # of the full size, for the growth of the time per rating: 5 million of 25 million
JUDGED_FROM = 0.9  # the targets are those of the full size
_GIB = 2**30


class Whole(NamedTuple):
    """Seconds and peak bytes from files to bundle, number of ratings, and seconds of writing the bundle's arrays."""

    seconds: float
    peak: int
    ratings: int
    write: float


class Round(NamedTuple):
    """One round: the whole way from files to bundle, and the seconds of all floors."""

    whole: Whole
    floors: float


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure time against the floors, peak memory, and the growth of the time per rating."""
    for share in (size, size * SMALL):
        twin(share)
    large, small = [], []
    for _ in range(rounds):
        large.append(_round(size))
        small.append(_round(size * SMALL))
    ours, theirs = _median(large, lambda run: run.whole.seconds), _median(large, lambda run: run.floors)
    peak = _median(large, lambda run: run.whole.peak) / _GIB
    growth, before = (_median(runs, lambda run: 1e6 * run.whole.seconds / run.whole.ratings) for runs in (large, small))
    floor, floor_before = (_median(runs, lambda run: 1e6 * run.floors / run.whole.ratings) for runs in (large, small))
    facts: dict[str, Any] = {"rounds": rounds, "note": f"{large[0].whole.ratings:,} ratings"}
    fifth = "against a fifth of the ratings"
    time_bar, memory_bar, growth_bar = (1.3, 8.0, 1.15) if size >= JUDGED_FROM else (None, None, None)
    return [
        Figure.against("pipeline/files to bundle against the sum of the floors", ours, theirs, time_bar, **facts),
        Figure("pipeline/peak memory in GiB", peak, memory_bar, unit="GiB", **facts),
        Figure.against(f"pipeline/time for a rating {fifth}", growth, before, growth_bar, unit="us", **facts),
        Figure.against("pipeline/the same of the floors", floor, floor_before, unit="us", **facts),
    ]


def _round(size: float) -> Round:
    whole = files_to_bundle(size)
    return Round(whole, in_fresh_process(_floors, size) + whole.write)


def files_to_bundle(size: float) -> Whole:
    """Measure the whole way on the twin of `size`, in a fresh process."""
    return in_fresh_process(_whole, size)


def _median(rounds: list[Round], figure: Callable[[Round], float]) -> float:
    return statistics.median(map(figure, rounds))


def _whole(size: float) -> Whole:
    with tempfile.TemporaryDirectory() as scratch:
        ratings, taken, peak = watched(lambda: _files_to_bundle(twin(size), Path(scratch)))
        bundle = Path(scratch) / "bundle"
        arrays = {name: np.array(array) for name, array in load_arrays(bundle, read_manifest(bundle)).items()}
        write = seconds(lambda: _write(Path(scratch) / "written", arrays))
    return Whole(taken, peak, ratings, write)


def _files_to_bundle(raw: Path, scratch: Path) -> int:
    dataset = prepare("twin", raw=raw, processed_root=scratch / "processed")
    data = training_data(dataset, all_ratings(dataset))
    fits = Fits(data, 0, silent)
    blend, als, svd = (fits.get(name, configure(name)) for name in ("blend", "als", "svd"))
    build_bundle(scratch / "bundle", compose("recommender", item=blend, user=als, rating=svd), dataset, data)
    return len(dataset.ratings)


def _floors(size: float) -> float:
    """Return the seconds of all floors but the bundle's; their inputs are prepared before the clock starts."""
    raw = twin(size)
    with tempfile.TemporaryDirectory() as scratch:
        dataset = prepare("twin", raw=raw, processed_root=Path(scratch) / "processed")
        data = training_data(dataset, all_ratings(dataset))
    factors = min(int(configure("content").model_dump()["factors"]), min(data.tags.matrix.shape) - 1)
    taste = AlsConfig.model_validate(configure("als").model_dump())
    weights = taste.weight(data.user_item.data)
    every_rating, likes = with_data(data.user_item, weights), data.likes(weights)
    shape = (data.user_item.shape[1], taste.factors + factors)
    embedding = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    floors: list[Callable[[], object]] = [
        lambda: [pd.read_csv(path, engine="c") for path in sorted(raw.glob("*.csv"))],
        lambda: make("svd").fit(data, seed=0, progress=silent),
        lambda: bare_als(every_rating, taste, 0),
        lambda: bare_als(likes, taste, 0),
        lambda: TruncatedSVD(factors, random_state=0).fit_transform(data.tags.matrix),
        lambda: product(embedding),
    ]
    return sum(seconds(floor) for floor in floors)


def _write(directory: Path, arrays: dict[str, NDArray[Any]]) -> None:
    directory.mkdir()
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)
