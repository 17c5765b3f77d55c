"""Samples without chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(rows: NDArray[Any], n: int) -> NDArray[Any]:
    """Return up to n of `rows` at equal distances, the first and the last among them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(np.int64))]
