"""The target: which ratings a model is to predict, as the protocol that judges it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Target:
    """Which ratings are relevant: those of at least `relevance`; all where it is None.

    The test part is judged by the same threshold: a protocol has one `relevance` for both.
    """

    relevance: float | None = None

    def includes(self, ratings: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which ratings (n,) are to be predicted; on the scale of the data set, not in stars."""
        if self.relevance is None:
            return np.ones(len(ratings), dtype=bool)
        return np.asarray(ratings >= np.float32(self.relevance))

    def __str__(self) -> str:
        return "every row" if self.relevance is None else f"likes ({self.relevance:g} or more)"


EVERY_ROW = Target()
