"""Stochastic gradient descent of Surprise's biased matrix factorisation, one block of ratings at a time.

The update rule is `surprise.SVD`'s (Koren, Bell and Volinsky, 2009): for each rating, in order, with the error
e = r - (mean + b_u + b_i + q_i'p_u), each parameter x moves by learning_rate * (gradient - regularization * x).
"""

from __future__ import annotations

from typing import Any

from numba import njit


# "reassoc" and "contract" let the dot product use vector instructions; NaN and infinity keep their meaning.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def sgd_pass(
    users: Any, items: Any, ratings: Any, start: int, stop: int, state: Any, mean: float, rates: Any, decays: Any
) -> float:
    """One pass over the ratings start..stop; updates `state` in place and returns the sum of squared errors.

    `users`, `items` (n,) rows and `ratings` (n,) stars, in the order of the updates; `state`: user biases (u,), item
    biases (i,), user factors (u, d), item factors (i, d); `rates`, `decays`: learning rate and regularization of each.
    All floating-point arguments share one type.
    """
    user_bias, item_bias, user_factors, item_factors = state
    squares = 0.0
    for at in range(start, stop):
        u, i = users[at], items[at]
        p, q = user_factors[u], item_factors[i]
        dot = user_bias.dtype.type(0)
        for f in range(len(p)):
            dot += q[f] * p[f]
        error = ratings[at] - (mean + user_bias[u] + item_bias[i] + dot)
        squares += error * error
        user_bias[u] += rates[0] * (error - decays[0] * user_bias[u])
        item_bias[i] += rates[1] * (error - decays[1] * item_bias[i])
        for f in range(len(p)):
            pf, qf = p[f], q[f]
            p[f] = pf + rates[2] * (error * qf - decays[2] * pf)
            q[f] = qf + rates[3] * (error * pf - decays[3] * qf)
    return squares
