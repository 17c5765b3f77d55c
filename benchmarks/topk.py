"""Time of the 100 nearest films of every film of the synthetic twin, against the matrix product alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.tools.figures import Figure, in_turn
from benchmarks.tools.twins import twin_dataset
from training.bundling.neighbours import one_product
from training.kernels.threads import cores
from training.kernels.topk import all_top_k
from training.models import configure, make
from training.progress import silent
from training.splits.cut import all_ratings, training_data

FILMS, FACTORS, K = 59_000, 128, 100
FLOOR_ROWS = 1024  # rows of the product that are in memory at a time


def run(size: float, rounds: int) -> list[Figure]:
    """Measure the time of the exact top 100 of every film, divided by that of the matrix product."""
    content = make("content", configure("content", [f"factors={FACTORS}"]))
    dataset = twin_dataset(size)
    fitted = content.fit(training_data(dataset, all_ratings(dataset)), seed=0, progress=silent)
    embedding = fitted.arrays["content_embedding"][: round(FILMS * size)]
    ours(embedding[: 2 * K])  # compiles
    timed = in_turn(lambda: ours(embedding), lambda: product(embedding), rounds)
    note = f"{len(embedding):,} x {embedding.shape[1]}, content of the twin"
    return [Figure.against(f"topk: top {K} over the matrix product alone", *timed, 1.5, rounds=rounds, note=note)]


def ours(embedding: NDArray[np.float32]) -> None:
    """Find the exact nearest films of every film, as for a bundle."""
    all_top_k(one_product(embedding, embedding), len(embedding), K)


def product(embedding: NDArray[np.float32]) -> None:
    """Compute the matrix product alone, in blocks, with one BLAS thread for each processor."""
    out = np.empty((FLOOR_ROWS, len(embedding)), dtype=np.float32)
    with threadpool_limits(cores(), "blas"):
        for start in range(0, len(embedding), FLOOR_ROWS):
            block = embedding[start : start + FLOOR_ROWS]
            np.matmul(block, embedding.T, out=out[: len(block)])
