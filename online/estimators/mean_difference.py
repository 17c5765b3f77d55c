"""An interval for the difference between two arms' means that holds at all times together.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences", Annals of Statistics 52(6), 2024, with the arms' means as regression.
The units are visitors, each counted once, when the time in which they are watched is over: visits of one person are
not independent, and a person whose value still grows would be drawn again with the same arm.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class ArmSums(NamedTuple):
    """Of one arm's visitors: how many, the sum of their values and of their squares; arrays of one shape."""

    visitors: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """The mean value."""
        return self.total / np.maximum(self.visitors, 1)

    @property
    def variance(self) -> Floats:
        """The variance of one visitor's value."""
        spread = self.squares - self.total * self.mean
        return np.maximum(spread, 0.0) / np.maximum(self.visitors - 1, 1)


class Difference(NamedTuple):
    """Challenger's mean minus champion's, and the bounds that hold at all times together."""

    value: Floats
    lower: Floats
    upper: Floats


def sums(values: npt.ArrayLike) -> ArmSums:
    """Return the sums of visitors' values, as arrays of one element."""
    array = np.asarray(values, dtype=np.float64)
    return ArmSums(*np.asarray([array.size, array.sum(), np.square(array).sum()], np.float64)[:, np.newaxis])


def mixture_scale(visitors: float, error: float) -> float:
    """Return the sequence's parameter rho, with which it is narrowest after `visitors` of both arms together.

    The closed form of the paper's appendix on tuning, exact to within a percent of the best width.
    """
    wide = -2.0 * math.log(error)
    return math.sqrt((wide + math.log1p(wide)) / visitors)


def difference(champion: ArmSums, challenger: ArmSums, *, error: float, planned: float) -> Difference:
    """Return the difference and its two-sided bounds.

    `error`: chance that the true difference ever leaves them. `planned`: visitors of both arms together for which the
    bounds are made narrowest; choose it before the first look. Without two visitors in each arm they are infinite.
    """
    seen = np.maximum(champion.visitors + challenger.visitors, 1.0)
    variance = seen * sum(arm.variance / np.maximum(arm.visitors, 1) for arm in (champion, challenger))
    scale = seen * mixture_scale(planned, error) ** 2 + 1.0
    squared = 2.0 * scale / (seen * (scale - 1.0)) * (0.5 * np.log(scale) - math.log(error))
    known = (champion.visitors >= 2) & (challenger.visitors >= 2)
    margin = np.where(known, np.sqrt(variance * squared), np.inf)
    value = challenger.mean - champion.mean
    return Difference(value, value - margin, value + margin)
