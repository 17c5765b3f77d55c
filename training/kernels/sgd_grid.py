"""A fixed grid of disjoint user x item blocks: parallel descent whose result does not depend on the threads.

Users and items are cut into `size` ranges each, with equal numbers of ratings. In round r the blocks
(b, b + r mod size) share no user and no item, so their order does not matter; a barrier ends each round (Gemulla et
al., 2011, "Large-scale matrix factorization with distributed stochastic gradient descent").

Users are ranged by row and items by popularity: the few that most ratings are of stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.kernels.sgd import Steps, sgd_pass
from training.kernels.threads import Map

TURNS = 16  # users whose ratings alternate


@dataclass(frozen=True)
class Grid:
    """Ratings sorted by block, and inside a block so that TURNS users take turns.

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


def make_grid(users: NDArray[np.int32], items: NDArray[np.int32], ratings: NDArray[Any], size: int, run: Map) -> Grid:
    """The grid of `size` x `size` blocks of these ratings; size 1 keeps their order as it is."""
    if size == 1:
        return Grid(users, items, ratings, np.array([0, len(ratings)]), 1)
    user_range, item_range = _by_row(np.bincount(users), size), _by_popularity(np.bincount(items), size)
    grid = Grid(
        np.empty_like(users),
        np.empty_like(items),
        np.empty_like(ratings),
        np.concatenate(([0], np.cumsum(_block_sizes(users, items, user_range, item_range, size)))),
        size,
    )
    rated = (grid.users, grid.items, grid.ratings)
    _place((users, items, ratings), user_range, item_range, size, grid.bounds[:-1].copy(), rated)
    for _ in run(lambda block: _take_turns(*block, *rated), [block for each in grid.rounds() for block in each]):
        pass
    return grid


def descend(
    grid: Grid, user_rows: NDArray[Any], item_rows: NDArray[Any], factors: int, mean: float, steps: Steps, run: Map
) -> float:
    """One pass over all ratings; updates the rows in place and returns the mean squared error on the way.

    Arguments as in `sgd_pass`; `run` maps a function over the blocks of a round, in any order, and waits for them.
    """
    middle, one_pass = grid.ratings.dtype.type(mean), sgd_pass(factors)

    def work(block: tuple[int, int]) -> float:
        return one_pass(grid.users, grid.items, grid.ratings, *block, user_rows, item_rows, middle, steps)

    squares = sum(sum(run(work, blocks)) for blocks in grid.rounds())
    return squares / max(len(grid.ratings), 1)


def _by_row(counts: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    """Range 0..size-1 of each row, consecutive, with equal numbers of ratings."""
    before = np.cumsum(counts) - 1
    return np.minimum(before * size // max(int(counts.sum()), 1), size - 1).astype(np.int32)


def _by_popularity(counts: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    """Range 0..size-1 of each row, the most rated first, with equal numbers of ratings."""
    order = np.argsort(-counts, kind="stable")
    ranges = np.empty(len(counts), dtype=np.int32)
    ranges[order] = _by_row(counts[order], size)
    return ranges


@njit(cache=True, nogil=True)
def _block_sizes(users: Any, items: Any, user_range: Any, item_range: Any, size: int) -> Any:
    counts = np.zeros(size * size, dtype=np.int64)
    for at in range(len(users)):
        counts[user_range[users[at]] * size + item_range[items[at]]] += 1
    return counts


@njit(cache=True, nogil=True)
def _place(rated: Any, user_range: Any, item_range: Any, size: int, heads: Any, out: Any) -> None:
    """Write each rating to the next place of its block; `heads` (size * size,) are the first places."""
    users, items, ratings = rated
    for at in range(len(users)):
        user, item = users[at], items[at]
        block = user_range[user] * size + item_range[item]
        place = heads[block]
        heads[block] += 1
        out[0][place], out[1][place], out[2][place] = user, item, ratings[at]


@njit(cache=True, nogil=True)
def _take_turns(start: int, stop: int, users: Any, items: Any, ratings: Any) -> None:
    """Reorder start..stop so that TURNS users, each with a run of ratings, alternate.

    An update waits for the one before of the same user; this way there is other work meanwhile.
    """
    old_users, old_items, old_ratings = users[start:stop].copy(), items[start:stop].copy(), ratings[start:stop].copy()
    heads, ends = np.empty(TURNS, dtype=np.int64), np.empty(TURNS, dtype=np.int64)
    at, place, n = 0, start, stop - start
    while at < n:
        runs = 0
        while runs < TURNS and at < n:
            heads[runs] = at
            while at < n and old_users[at] == old_users[heads[runs]]:
                at += 1
            ends[runs] = at
            runs += 1
        group_stop = start + at
        while place < group_stop:
            for one in range(runs):
                head = heads[one]
                if head < ends[one]:
                    users[place], items[place], ratings[place] = old_users[head], old_items[head], old_ratings[head]
                    heads[one] += 1
                    place += 1
