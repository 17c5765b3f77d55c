"""A fixed grid of disjoint user x item blocks: parallel descent whose result does not depend on the threads.

Users and items are cut into `size` ranges each, with equal numbers of ratings. In round r the blocks
(b, b + r mod size) share no user and no item, so their order does not matter; a barrier ends each round (Gemulla et
al., 2011, "Large-scale matrix factorization with distributed stochastic gradient descent").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.kernels.sgd import sgd_pass
from training.kernels.threads import Map


@dataclass(frozen=True)
class Grid:
    """Ratings sorted by block; inside a block they keep their order.

    `users`, `items`: (n,) int32 rows; `ratings`: (n,); `bounds`: (size * size + 1,) first rating of each block, block
    (b, c) at b * size + c.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[Any]
    bounds: NDArray[np.int64]
    size: int

    def rounds(self) -> Iterator[list[tuple[int, int]]]:
        """The rounds of one pass, each a list of (first, last + 1) ratings of blocks that may run side by side."""
        for shift in range(self.size):
            blocks = [b * self.size + (b + shift) % self.size for b in range(self.size)]
            yield [(int(self.bounds[block]), int(self.bounds[block + 1])) for block in blocks]


def make_grid(users: NDArray[np.int32], items: NDArray[np.int32], ratings: NDArray[Any], size: int) -> Grid:
    """The grid of `size` x `size` blocks of these ratings; size 1 keeps their order as it is."""
    if size == 1:
        return Grid(users, items, ratings, np.array([0, len(ratings)]), 1)
    block = (_ranges(users, size)[users] * size + _ranges(items, size)[items]).astype(np.uint16)
    order = np.argsort(block, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(block, minlength=size * size))))
    return Grid(users[order], items[order], ratings[order], bounds, size)


def descend(grid: Grid, state: Any, mean: float, rates: NDArray[Any], decays: NDArray[Any], run: Map) -> float:
    """One pass over all ratings; updates `state` in place and returns the mean squared error on the way.

    Arguments as in `sgd_pass`; `run` maps a function over the blocks of a round, in any order, and waits for them.
    """
    kind = grid.ratings.dtype.type

    def work(block: tuple[int, int]) -> float:
        return float(sgd_pass(grid.users, grid.items, grid.ratings, *block, state, kind(mean), rates, decays))

    squares = sum(sum(run(work, blocks)) for blocks in grid.rounds())
    return squares / max(len(grid.ratings), 1)


def _ranges(rows: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """Range 0..size-1 of each row, consecutive, with equal numbers of ratings."""
    before = np.cumsum(np.bincount(rows)) - 1
    return np.minimum(before * size // max(len(rows), 1), size - 1)
