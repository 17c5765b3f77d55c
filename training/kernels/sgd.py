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
        users: Any,
        items: Any,
        ratings: Any,
        spans: Any,
        user_rows: Any,
        item_rows: Any,
        mean: Any,
        steps: Any,
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
