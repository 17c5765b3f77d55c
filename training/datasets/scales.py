"""The scale of ratings as a file holds it, told from the values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_STEPS = (50.0, 25.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01)
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
    differences = np.unique(finite[:: max(1, len(finite) // _SAMPLE)]) - minimum
    step = next((step for step in _STEPS if np.allclose(differences / step, np.rint(differences / step))), None)
    return FoundScale(minimum, maximum, step)
