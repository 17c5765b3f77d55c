"""Stochastic gradient descent of Surprise's biased matrix factorisation, one block of ratings at a time.

The update rule is `surprise.SVD`'s (Koren, Bell and Volinsky, 2009): for each rating, in order, with the error
e = r - (mean + b_u + b_i + q_i'p_u), each parameter x moves by rate * (gradient - decay * x), which is written here as
x = (1 - rate * decay) * x + rate * gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LINE = 64  # bytes of a cache line, and of the widest vector


class Steps(NamedTuple):
    """How parameters move, in the type of the ratings: what is kept of each, and its learning rate."""

    keep_user_bias: Any
    keep_item_bias: Any
    keep_user: Any
    keep_item: Any
    user_bias: Any
    item_bias: Any
    user: Any
    item: Any


def aligned_rows(n: int, width: int, dtype: Any) -> NDArray[Any]:
    """Zeros (n, at least `width`) in which every row starts at a cache line.

    A vector that crosses two lines takes twice the time to store.
    """
    each = _LINE // np.dtype(dtype).itemsize
    columns = -(-width // each) * each
    store = np.zeros(n * columns + each, dtype=dtype)
    first = -store.ctypes.data % _LINE // store.itemsize
    return store[first : first + n * columns].reshape(n, columns)


@cache
def sgd_pass(factors: int) -> Callable[..., float]:
    """The compiled pass for rows of that many factors; a number that is known lets the compiler unroll the loops.

    It takes `users`, `items` (n,) rows and `ratings` (n,) stars in the order of the updates, `start`, `stop`, the
    user rows and the item rows (`aligned_rows`: the factors, then the bias), the mean and the `Steps`. It goes over the
    ratings start..stop, updates the rows in place and returns the sum of squared errors. All floating-point arguments
    share one type.
    """

    # "reassoc" and "contract" let the dot product use vector instructions; NaN and infinity keep their meaning.
    @njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
    def one_pass(
        users: Any, items: Any, ratings: Any, start: int, stop: int, user_rows: Any, item_rows: Any, mean: Any, by: Any
    ) -> Any:
        squares, zero = 0.0, ratings.dtype.type(0)
        for at in range(np.uint64(start), np.uint64(stop)):  # an unsigned index spares the check for a negative one
            p, q = user_rows[np.uint64(users[at])], item_rows[np.uint64(items[at])]
            without = ratings[at] - mean - p[factors] - q[factors]
            dot = zero
            for f in range(factors):
                dot += q[f] * p[f]
            error = without - dot
            squares += error * error
            p[factors] = by.keep_user_bias * p[factors] + by.user_bias * error
            q[factors] = by.keep_item_bias * q[factors] + by.item_bias * error
            user_step, item_step = by.user * error, by.item * error
            for f in range(factors):
                pf, qf = p[f], q[f]
                p[f] = by.keep_user * pf + user_step * qf
                q[f] = by.keep_item * qf + item_step * pf
        return squares

    return one_pass
