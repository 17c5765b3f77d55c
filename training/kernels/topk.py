"""Exact top-k of blocks of scores, ties in ascending column order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.kernels.threads import thread_map

Block = NDArray[np.float32]
BLOCK_CELLS = 1 << 24  # 64 MB of scores
SPAN = 64  # columns that are looked at together


def top_k(scores: Block, k: int) -> tuple[NDArray[np.int32], Block]:
    """Columns (b, k) of the k best finite scores of each line of `scores` (b, n), best first, and the scores.

    Equal scores come in ascending column order; -inf never comes back; missing places hold -1 and -inf.
    """
    columns = np.empty((len(scores), k), dtype=np.int32)
    values = np.empty((len(scores), k), dtype=np.float32)
    _top_k(np.ascontiguousarray(scores, dtype=np.float32), columns, values)
    return columns, values


def all_top_k(
    score: Callable[[NDArray[np.int64]], Block], n: int, k: int, threads: int = 0
) -> tuple[NDArray[np.int32], Block]:
    """`top_k` of `score(rows)` for all rows 0..n-1: columns (n, k) and scores (n, k).

    `score` gives a block (b, n) that may be overwritten; at most one a thread is in memory, and what `score` keeps.
    """
    columns = np.empty((n, k), dtype=np.int32)
    values = np.empty((n, k), dtype=np.float32)
    step = max(1, BLOCK_CELLS // max(n, 1))

    def work(start: int) -> None:
        rows = np.arange(start, min(start + step, n))
        columns[rows], values[rows] = top_k(score(rows), k)

    with thread_map(threads) as run:
        for _ in run(work, range(0, n, step)):
            pass
    return columns, values


@njit(cache=True, nogil=True)
def _top_k(scores: Any, columns: Any, values: Any) -> None:
    """A heap of the best k of each line, its worst on top, replaced only by strictly better scores.

    The k-th best of the spans' best scores is a floor under the k-th best of all: spans below it are passed over.
    """
    k, n = columns.shape[1], scores.shape[1]
    best = np.empty((n + SPAN - 1) // SPAN, dtype=np.float32)
    for line in range(len(scores)):
        row = scores[line]
        for span in range(len(best)):
            best[span] = _highest(row[span * SPAN : (span + 1) * SPAN])
        heap_values, heap_columns = values[line], columns[line]
        floor = _kth(best, heap_values, heap_columns) if len(best) >= k else np.float32(-np.inf)
        heap_values[:] = -np.inf
        heap_columns[:] = -1
        worst = heap_values[0]
        for span in range(len(best)):
            if best[span] < floor or best[span] <= worst:
                continue
            for column in range(span * SPAN, min((span + 1) * SPAN, n)):
                if row[column] >= floor and row[column] > worst:
                    _sift(heap_values, heap_columns, k, row[column], column)
                    worst = heap_values[0]
        for size in range(k - 1, 0, -1):  # heap sort: the worst goes to the end
            value, column = heap_values[size], heap_columns[size]
            heap_values[size], heap_columns[size] = heap_values[0], heap_columns[0]
            _sift(heap_values, heap_columns, size, value, column)


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})  # scores are never NaN: vector instructions will do
def _highest(span: Any) -> Any:
    found = span[0]
    for at in range(len(span)):
        found = span[at] if span[at] > found else found
    return found


@njit(cache=True, nogil=True)
def _kth(scores: Any, values: Any, columns: Any) -> Any:
    """The len(values)-th best of `scores`; the other arguments are room for a heap."""
    values[:] = -np.inf
    columns[:] = -1
    for at in range(len(scores)):
        if scores[at] > values[0]:
            _sift(values, columns, len(values), scores[at], at)
    return values[0]


@njit(cache=True, nogil=True)
def _sift(values: Any, columns: Any, size: int, value: float, column: int) -> None:
    """Put (value, column) in the place of the heap's top; the top is the lowest value, of equals the highest column."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            values[right] < values[child] or (values[right] == values[child] and columns[right] > columns[child])
        ):
            child = right
        if values[child] > value or (values[child] == value and columns[child] < column):
            break
        values[at], columns[at] = values[child], columns[child]
        at = child
    values[at], columns[at] = value, column
