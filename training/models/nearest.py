"""The nearest films of every film."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.kernels.topk import all_top_k

LENGTH = 100  # films in each list: the most that the service shows


class Nearest(NamedTuple):
    """For each film, the films of the best likeness, best first: `rows` (n, k) padded with -1 and `scores` (n, k)."""

    rows: NDArray[np.int32]
    scores: NDArray[np.float32]


def nearest(likeness: Callable[[NDArray[np.int64]], NDArray[np.float32]], canonical: NDArray[np.int32]) -> Nearest:
    """The `LENGTH` best of likeness(rows), blocks (b, n) that may be overwritten, for all rows.

    Second entries, the film itself and what stands for it are left out; `canonical`: (n,).
    """
    n = len(canonical)
    second_entries = np.flatnonzero(canonical != np.arange(n))

    def others(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        block = likeness(rows)
        block[:, second_entries] = -np.inf
        block[np.arange(len(rows)), canonical[rows]] = -np.inf
        return block

    return Nearest(*all_top_k(others, n, min(LENGTH, n - 1)))
