"""Detect the scale of ratings from their values."""

from __future__ import annotations

from functools import reduce
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_RESOLUTION = 1e6  # steps are seen to the sixth decimal
MOST_STEPS = 200  # a scale of more is taken for continuous
_SAMPLE = 1_000_000


class FoundScale(NamedTuple):
    """Lowest and highest rating of a file, and the largest step that leads from one to all others, or None."""

    minimum: float
    maximum: float
    step: float | None

    def __str__(self) -> str:
        steps = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.minimum:g} to {self.maximum:g}{steps}"

    @property
    def option(self) -> str:
        """Return the option of `movierec data prepare` that names this scale."""
        step = f":{self.step:g}" if self.step and self.step != 1 else ""
        return f"--scale {self.minimum:g}:{self.maximum:g}{step}"


def find_scale(ratings: NDArray[Any]) -> FoundScale | None:
    """Return the scale of these ratings (n,), or None where none of them is a number."""
    finite = ratings[np.isfinite(ratings)].astype(np.float64)
    if not len(finite):
        return None
    minimum, maximum = float(finite.min()), float(finite.max())
    return FoundScale(minimum, maximum, step_of(np.unique([minimum, *finite[:: max(1, len(finite) // _SAMPLE)]])))


def step_of(distinct: NDArray[np.float64]) -> float | None:
    """Return the largest step that leads from the least to each of these ascending values; None if continuous."""
    differences = np.rint(np.diff(distinct) * _RESOLUTION).astype(np.int64)
    step = reduce(gcd, differences.tolist(), 0) / _RESOLUTION
    return step if step and float(distinct[-1] - distinct[0]) / step <= MOST_STEPS else None
