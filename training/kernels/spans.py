"""Spans of a sparse matrix's rows that take about as long as each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def row_spans(indptr: NDArray[np.integer], spans: int) -> list[slice]:
    """Return at most `spans` slices that cover all rows of a CSR matrix, with about as many entries in each.

    `indptr` (n + 1,): where each row begins. One empty slice where there are no rows.
    """
    cuts = np.searchsorted(indptr, np.linspace(0, indptr[-1], spans + 1)[1:-1])
    bounds = np.unique([0, *cuts, len(indptr) - 1])
    return [slice(int(start), int(stop)) for start, stop in pairwise(bounds)] or [slice(0, 0)]
