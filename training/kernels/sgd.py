"""Parallel stochastic gradient descent of Surprise's biased matrix factorisation, over a fixed grid of blocks.

The update rule is `surprise.SVD`'s (Koren, Bell and Volinsky, 2009): for each rating, in order, with the error
e = r - (mean + b_u + b_i + q_i'p_u), each parameter x moves by rate * (gradient - decay * x), which is written here as
x = (1 - rate * decay) * x + rate * gradient.

Users and items are cut into `size` ranges each, with equal numbers of ratings. In round r the blocks
(b, b + r mod size) share no user and no item, so their order does not matter; a barrier ends each round (Gemulla et
al., 2011, "Large-scale matrix factorization with distributed stochastic gradient descent"). So the result does not
depend on the threads. Items are renumbered by popularity: the few popular ones, with most of the ratings, stay in the
processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.kernels.ordering import places
from training.kernels.threads import Map

_LINE = 64  # bytes of a cache line, and of the widest vector
TURNS = 16  # number of users whose ratings alternate

Rows = NDArray[np.int32]
Counts = NDArray[np.int64]


class Steps(NamedTuple):
    """Factor by which each kind of parameter decays in a step, and its learning rate, in the ratings' dtype."""

    keep_user_bias: Any
    keep_item_bias: Any
    keep_user: Any
    keep_item: Any
    user_bias: Any
    item_bias: Any
    user: Any
    item: Any


def aligned_rows(n: int, width: int, dtype: Any) -> NDArray[Any]:
    """Return zeros (n, at least `width`) in which every row starts at a cache line.

    Storing a vector that crosses two lines takes twice the time.
    """
    values_per_line = _LINE // np.dtype(dtype).itemsize
    columns = -(-width // values_per_line) * values_per_line
    buffer = np.zeros(n * columns + values_per_line, dtype=dtype)
    first = -buffer.ctypes.data % _LINE // buffer.itemsize
    return buffer[first : first + n * columns].reshape(n, columns)


@cache
def sgd_pass(factors: int) -> Callable[..., float]:
    """Return the compiled SGD pass for this number of factors, which lets the compiler unroll the loops.

    The pass takes `users`, `items` (n,) rows and `ratings` (n,) stars in the order of the updates, `spans` (s, 2), the
    user rows and the item rows (`aligned_rows`: the factors, then the bias), the mean and the `Steps`. It goes over the
    ratings start..stop of each span, updates the rows in place and returns the sum of squared errors. All
    floating-point arguments share one type.
    """

    # "reassoc" and "contract" let the dot product use vector instructions; NaN and infinity keep their meaning.
    @njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
    def one_pass(
        users: Any, items: Any, ratings: Any, spans: Any, user_rows: Any, item_rows: Any, mean: Any, steps: Any
    ) -> Any:
        squares, zero = 0.0, ratings.dtype.type(0)
        for span in range(len(spans)):
            # an unsigned index needs no check for negative ones
            for index in range(np.uint64(spans[span, 0]), np.uint64(spans[span, 1])):
                p, q = user_rows[np.uint64(users[index])], item_rows[np.uint64(items[index])]
                residual = ratings[index] - mean - p[factors] - q[factors]
                product = zero
                for f in range(factors):
                    product += q[f] * p[f]
                error = residual - product
                squares += error * error
                p[factors] = steps.keep_user_bias * p[factors] + steps.user_bias * error
                q[factors] = steps.keep_item_bias * q[factors] + steps.item_bias * error
                user_step, item_step = steps.user * error, steps.item * error
                for f in range(factors):
                    pf, qf = p[f], q[f]
                    p[f] = steps.keep_user * pf + user_step * qf
                    q[f] = steps.keep_item * qf + item_step * pf
        return squares

    return one_pass


@dataclass(frozen=True)
class Grid:
    """Ratings sorted by block, in a block ordered so that TURNS users alternate.

    `users`: (n,) int32 rows; `items`: (n,) int32 places in `item_order`, the item rows (n_items,) by popularity;
    `ratings`: (n,); `bounds`: (size * size + 1,) first rating of each block, block (b, c) at b * size + c.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[Any]
    item_order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    size: int

    @cached_property
    def rounds(self) -> NDArray[np.int64]:
        """Return the blocks of each round of a pass, which may run in parallel: (size, size, 2) start, stop."""
        first, shift = np.arange(self.size), np.arange(self.size)[:, None]
        blocks = first * self.size + (first + shift) % self.size
        return np.stack([self.bounds[blocks], self.bounds[blocks + 1]], axis=-1)


def make_grid(users: Rows, items: Rows, ratings: NDArray[Any], counts: tuple[Counts, Counts], size: int) -> Grid:
    """Sort ratings into a grid of `size` x `size` blocks; size 1 keeps ratings and items in their order.

    `counts`: (n_users,) and (n_items,) ratings of each.
    """
    if size == 1:
        return Grid(users, items, ratings, np.arange(len(counts[1])), np.array([0, len(ratings)]), 1)
    order = np.argsort(-counts[1], kind="stable")
    item_places = places(order)
    ranges = _ranges(counts[0], size), _ranges(counts[1][order], size)[item_places]
    bounds = np.concatenate(([0], np.cumsum(_block_sizes(users, items, *ranges, size))))
    grid = Grid(np.empty_like(users), np.empty_like(items), np.empty_like(ratings), order, bounds, size)
    _scatter(
        (users, items, ratings),
        item_places,
        *ranges,
        bounds[:-1].reshape(size, size).copy(),
        (grid.users, grid.items, grid.ratings),
    )
    _take_turns(bounds, grid.users, grid.items, grid.ratings)
    return grid


def descend(
    grid: Grid, user_rows: NDArray[Any], item_rows: NDArray[Any], factors: int, mean: float, steps: Steps, run: Map
) -> float:
    """Run one SGD pass over all ratings, update the rows in place and return the mean squared error met.

    `item_rows` are in the grid's order, the other arguments as in `sgd_pass`; `run` maps a function over the blocks of
    a round, in any order, and waits for them.
    """
    typed_mean, one_pass = grid.ratings.dtype.type(mean), sgd_pass(factors)

    def descend_spans(spans: NDArray[np.int64]) -> float:
        return one_pass(grid.users, grid.items, grid.ratings, spans, user_rows, item_rows, typed_mean, steps)

    if run.threads == 1:
        squared_errors = descend_spans(grid.rounds.reshape(-1, 2))
    else:
        squared_errors = sum(sum(run(descend_spans, blocks[:, None])) for blocks in grid.rounds)
    return squared_errors / max(len(grid.ratings), 1)


def _ranges(counts: Counts, size: int) -> NDArray[np.int32]:
    """Assign each row to a range 0..size-1; ranges are consecutive with about equal numbers of ratings."""
    rank_of_last = np.cumsum(counts) - 1
    return np.minimum(rank_of_last * size // max(int(counts.sum()), 1), size - 1).astype(np.int32)


@njit(cache=True, nogil=True)
def _block_sizes(users: Any, items: Any, user_range: Any, item_range: Any, size: int) -> Any:
    counts = np.zeros(size * size, dtype=np.int64)
    for rating in range(len(users)):
        counts[user_range[users[rating]] * size + item_range[items[rating]]] += 1
    return counts


@njit(cache=True, nogil=True)
def _scatter(unordered: Any, item_places: Any, user_range: Any, item_range: Any, heads: Any, out: Any) -> None:
    """Write each rating to the next free place of its block; `heads` (size, size): first place of each."""
    users, items, ratings = unordered
    for rating in range(len(users)):
        block = user_range[users[rating]], item_range[items[rating]]
        target = heads[block]
        heads[block] += 1
        out[0][target], out[1][target], out[2][target] = users[rating], item_places[items[rating]], ratings[rating]


@njit(cache=True, nogil=True)
def _take_turns(bounds: Any, users: Any, items: Any, ratings: Any) -> None:
    """Reorder each block so that TURNS users, each with a run of ratings, alternate.

    An update must wait for the previous one of the same user; alternating gives the processor other work meanwhile.
    """
    heads, ends = np.empty(TURNS, dtype=np.int64), np.empty(TURNS, dtype=np.int64)
    for block in range(len(bounds) - 1):
        block_start, n = bounds[block], bounds[block + 1] - bounds[block]
        old_users, old_items = users[block_start : block_start + n].copy(), items[block_start : block_start + n].copy()
        old_ratings = ratings[block_start : block_start + n].copy()
        next_rating, target = 0, block_start
        while next_rating < n:
            runs = 0
            while runs < TURNS and next_rating < n:
                heads[runs] = next_rating
                while next_rating < n and old_users[next_rating] == old_users[heads[runs]]:
                    next_rating += 1
                ends[runs] = next_rating
                runs += 1
            while target < block_start + next_rating:
                for run in range(runs):
                    head = heads[run]
                    if head < ends[run]:
                        users[target], items[target] = old_users[head], old_items[head]
                        ratings[target] = old_ratings[head]
                        heads[run] += 1
                        target += 1
