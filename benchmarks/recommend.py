"""Lists for all users of the twin, `movierec recommend --all`: time, memory, and what a killed run leaves."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.tools.commands import start, succeed
from benchmarks.tools.figures import Figure, in_turn, watched
from benchmarks.tools.twins import twin_dataset
from recommender.bundle import load_arrays, read_manifest
from recommender.errors import MovierecError
from recommender.files import remove_file, sha256_of
from training.bundling.build import BundleBuilder
from training.bundling.lists import BLOCK, PART
from training.kernels.threads import thread_map
from training.kernels.topk import top_k
from training.models import configure, make
from training.progress import silent
from training.splits.cut import all_ratings, training_data

N, FORMAT = 20, "parquet"
_GIB = 2**30
_SAMPLE_SECONDS = 0.05


def run(size: float, rounds: int) -> list[Figure]:
    """Measure lists by ALS against the matrix product and selection alone, peak memory, and a run killed half-way."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        users, films = _save_als(root / "bundle", size)
        whole = root / "whole"
        peaks = []

        def ours() -> None:
            remove_file(whole)
            peaks.append(watched(lambda: succeed(root, *_words(whole)))[2])

        timed = in_turn(ours, lambda: bare(root / "bundle"), rounds)
        is_same = _killed_and_resumed(root, users) == sha256_of(whole)
    note = f"{users:,} users x {films:,} films, {N} each, {FORMAT}; ours with start, check of the bundle and the file"
    time_bar, memory_bar = (2.0, 4.0) if size == 1 else (None, None)
    return [
        Figure.against(
            "recommend: lists for all users over product and selection alone", *timed, time_bar, rounds=rounds,
            note=note,
        ),
        Figure("recommend: peak memory in GiB", max(peaks) / _GIB, memory_bar, unit="GiB", rounds=rounds),
        Figure(
            "recommend: a killed and resumed run writes the same bytes", float(is_same), 1.0, "higher", unit="",
            note="killed with SIGKILL when half of the parts were written",
        ),
    ]  # fmt: skip


def bare(bundle: Path) -> None:
    """Multiply user and item factors and select the best N of each row, with one thread for each processor."""
    arrays = load_arrays(bundle, read_manifest(bundle))
    users, items = np.array(arrays["als_user_factors"]), np.array(arrays["als_item_factors"])

    def block(start: int) -> None:
        top_k(users[start : start + BLOCK] @ items.T, N)

    with thread_map() as run:
        for _ in run(block, range(0, len(users), BLOCK)):
            pass


def _save_als(path: Path, size: float) -> tuple[int, int]:
    """Save ALS fitted on the twin in one iteration: lists cost the same however good the factors are."""
    dataset = twin_dataset(size)
    data = training_data(dataset, all_ratings(dataset))
    fitted = make("als", configure("als", ["iterations=1"])).fit(data, seed=0, progress=silent)
    BundleBuilder(dataset, data).save(path, fitted)
    return data.user_item.shape


def _words(out: Path) -> list[str]:
    return ["recommend", "--all", "--n", str(N), "--format", FORMAT, "--out", str(out), "--model", "./bundle"]


def _killed_and_resumed(root: Path, users: int) -> str:
    """Kill a run half-way, run it again, and return the hash of its file."""
    out, parts = root / "resumed", root / "resumed.parts"
    process = start(root, *_words(out))
    while process.poll() is None and len(list(parts.glob("part-*"))) < max(users // PART // 2, 1):
        time.sleep(_SAMPLE_SECONDS)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if out.exists():
        raise MovierecError("The run ended before it was killed.")
    succeed(root, *_words(out))
    return sha256_of(out)
