"""How many visitors an experiment needs to see an effect: for a test of fixed size, and for looks at any time."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from online.estimators.mean_difference import mixture_scale


def fixed_size(effect: float, deviation: float, *, share: float, error: float, power: float) -> int:
    """Return the visitors of both arms together with which a two-sided z-test at `error` sees the effect with `power`.

    `effect`: difference of the means; `deviation`: standard deviation of one visitor's value; `share`: the challenger's
    share of visitors.
    """
    distance = float(norm.ppf(1.0 - error / 2.0) + norm.ppf(power))
    return math.ceil(distance**2 * deviation**2 / (effect**2 * share * (1.0 - share)))


def any_time(effect: float, deviation: float, *, share: float, error: float, power: float) -> int:
    """Return the visitors with which bounds that may be looked at any time exclude no effect with at least `power`.

    At that number one look excludes it with that chance, the bounds being narrowest there; earlier looks only help.
    """
    # At n visitors the bounds are `z` standard errors away, which depends on nothing but the error when made for n.
    wide = mixture_scale(1.0, error) ** 2 + 1.0
    z = math.sqrt(2.0 * wide / (wide - 1.0) * (0.5 * math.log(wide) - math.log(error)))
    return math.ceil((z + float(norm.ppf(power))) ** 2 * deviation**2 / (effect**2 * share * (1.0 - share)))


def detectable_effect(visitors: float, deviation: float, *, share: float, error: float, power: float) -> float:
    """Return the smallest difference that `any_time` would see with so many visitors of both arms together."""
    return math.sqrt(any_time(1.0, 1e3, share=share, error=error, power=power) / 1e6 / visitors) * deviation


def share_deviation(rate: float) -> float:
    """Return the standard deviation of a value that is 1 with chance `rate` and else 0."""
    return float(np.sqrt(rate * (1.0 - rate)))
