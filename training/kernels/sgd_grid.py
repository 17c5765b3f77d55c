"""A fixed grid of disjoint user x item blocks: parallel descent whose result does not depend on the threads.

Users and items are cut into `size` ranges each, with equal numbers of ratings. In round r the blocks
(b, b + r mod size) share no user and no item, so their order does not matter; a barrier ends each round (Gemulla et
al., 2011, "Large-scale matrix factorization with distributed stochastic gradient descent").

Items are numbered anew by popularity: the few that most ratings are of lie together and stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.kernels.ordering import places
from training.kernels.sgd import Steps, sgd_pass
from training.kernels.threads import Map

TURNS = 16  # users whose ratings alternate

Rows = NDArray[np.int32]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Ratings sorted by block, and inside a block so that TURNS users take turns.

    `users`: (n,) int32 rows; `items`: (n,) int32 places in `item_order`, the item rows (n_items,) by popularity;
    `ratings`: (n,); `bounds`: (size * size + 1,) first rating of each block, block (b, c) at b * size + c.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[Any]
    item_order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    size: int

    def rounds(self) -> Iterator[list[tuple[int, int]]]:
        """The rounds of one pass, each a list of (first, last + 1) ratings of blocks that may run side by side."""
        for shift in range(self.size):
            blocks = [b * self.size + (b + shift) % self.size for b in range(self.size)]
            yield [(int(self.bounds[block]), int(self.bounds[block + 1])) for block in blocks]


def make_grid(users: Rows, items: Rows, ratings: NDArray[Any], counts: tuple[Counts, Counts], size: int) -> Grid:
    """The grid of `size` x `size` blocks of these ratings; size 1 keeps their order and that of the items as they are.

    `counts`: (n_users,) and (n_items,) ratings of each.
    """
    if size == 1:
        return Grid(users, items, ratings, np.arange(len(counts[1])), np.array([0, len(ratings)]), 1)
    order = np.argsort(-counts[1], kind="stable")
    place = places(order)
    ranges = _ranges(counts[0], size), _ranges(counts[1][order], size)[place]
    bounds = np.concatenate(([0], np.cumsum(_block_sizes(users, items, *ranges, size))))
    grid = Grid(np.empty_like(users), np.empty_like(items), np.empty_like(ratings), order, bounds, size)
    _scatter(
        (users, items, ratings),
        place,
        *ranges,
        bounds[:-1].reshape(size, size).copy(),
        (grid.users, grid.items, grid.ratings),
    )
    _take_turns(bounds, grid.users, grid.items, grid.ratings)
    return grid


def descend(
    grid: Grid, user_rows: NDArray[Any], item_rows: NDArray[Any], factors: int, mean: float, steps: Steps, run: Map
) -> float:
    """One pass over all ratings; updates the rows in place and returns the mean squared error on the way.

    `item_rows` are in the grid's order, the other arguments as in `sgd_pass`; `run` maps a function over the blocks of
    a round, in any order, and waits for them.
    """
    middle, one_pass = grid.ratings.dtype.type(mean), sgd_pass(factors)

    def work(block: tuple[int, int]) -> float:
        return one_pass(grid.users, grid.items, grid.ratings, *block, user_rows, item_rows, middle, steps)

    squares = sum(sum(run(work, blocks)) for blocks in grid.rounds())
    return squares / max(len(grid.ratings), 1)


def _ranges(counts: Counts, size: int) -> NDArray[np.int32]:
    """Range 0..size-1 of each row, consecutive, with equal numbers of ratings."""
    before = np.cumsum(counts) - 1
    return np.minimum(before * size // max(int(counts.sum()), 1), size - 1).astype(np.int32)


@njit(cache=True, nogil=True)
def _block_sizes(users: Any, items: Any, user_range: Any, item_range: Any, size: int) -> Any:
    counts = np.zeros(size * size, dtype=np.int64)
    for at in range(len(users)):
        counts[user_range[users[at]] * size + item_range[items[at]]] += 1
    return counts


@njit(cache=True, nogil=True)
def _scatter(rated: Any, place: Any, user_range: Any, item_range: Any, heads: Any, out: Any) -> None:
    """Write each rating to the next free place of its block; `heads` (size, size) are the first ones."""
    users, items, ratings = rated
    for at in range(len(users)):
        block = user_range[users[at]], item_range[items[at]]
        to = heads[block]
        heads[block] += 1
        out[0][to], out[1][to], out[2][to] = users[at], place[items[at]], ratings[at]


@njit(cache=True, nogil=True)
def _take_turns(bounds: Any, users: Any, items: Any, ratings: Any) -> None:
    """Reorder each block so that TURNS users, each with a run of ratings, alternate.

    An update waits for the one before of the same user; this way there is other work meanwhile.
    """
    heads, ends = np.empty(TURNS, dtype=np.int64), np.empty(TURNS, dtype=np.int64)
    for block in range(len(bounds) - 1):
        first, n = bounds[block], bounds[block + 1] - bounds[block]
        old_users, old_items = users[first : first + n].copy(), items[first : first + n].copy()
        old_ratings = ratings[first : first + n].copy()
        at, to = 0, first
        while at < n:
            runs = 0
            while runs < TURNS and at < n:
                heads[runs] = at
                while at < n and old_users[at] == old_users[heads[runs]]:
                    at += 1
                ends[runs] = at
                runs += 1
            while to < first + at:
                for one in range(runs):
                    head = heads[one]
                    if head < ends[one]:
                        users[to], items[to], ratings[to] = old_users[head], old_items[head], old_ratings[head]
                        heads[one] += 1
                        to += 1
