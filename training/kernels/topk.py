"""Exact top-k per row of score matrices; ties are broken by ascending column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.kernels.threads import thread_map

Block = NDArray[np.float32]
BLOCK_CELLS = 1 << 24  # 64 MB of scores
SPAN = 64  # columns that are compared together


def top_k(scores: Block, k: int) -> tuple[NDArray[np.int32], Block]:
    """Return the columns (b, k) of the k highest scores in each row of `scores` (b, n), best first, and the scores.

    Equal scores come in ascending column order. A score of -inf is never returned; missing places hold -1 and -inf.
    """
    columns = np.empty((len(scores), k), dtype=np.int32)
    values = np.empty((len(scores), k), dtype=np.float32)
    _top_k(np.ascontiguousarray(scores, dtype=np.float32), columns, values)
    return columns, values


def all_top_k(
    score: Callable[[NDArray[np.int64]], Block], n: int, k: int, threads: int = 0
) -> tuple[NDArray[np.int32], Block]:
    """Return `top_k` of `score(rows)` for all rows 0..n-1, block by block: columns (n, k) and scores (n, k).

    `score` returns a block (b, n) that may be overwritten; each thread has at most one block in memory, and what
    `score` keeps.
    """
    columns = np.empty((n, k), dtype=np.int32)
    values = np.empty((n, k), dtype=np.float32)
    step = max(1, BLOCK_CELLS // max(n, 1))

    def rank_block(start: int) -> None:
        rows = np.arange(start, min(start + step, n))
        columns[rows], values[rows] = top_k(score(rows), k)

    with thread_map(threads) as run:
        run.each(rank_block, range(0, n, step))
    return columns, values


@njit(cache=True, nogil=True)
def _top_k(scores: Any, columns: Any, values: Any) -> None:
    """Keep the best k scores of each row in a heap with the worst on top, replaced only by strictly better scores.

    The k-th best of the spans' best scores is a lower bound of the k-th best score: spans below it are skipped.
    """
    k, n = columns.shape[1], scores.shape[1]
    span_best = np.empty((n + SPAN - 1) // SPAN, dtype=np.float32)
    for row in range(len(scores)):
        row_scores = scores[row]
        for span in range(len(span_best)):
            span_best[span] = _highest(row_scores[span * SPAN : (span + 1) * SPAN])
        heap_values, heap_columns = values[row], columns[row]
        floor = _kth(span_best, heap_values, heap_columns) if len(span_best) >= k else np.float32(-np.inf)
        heap_values[:] = -np.inf
        heap_columns[:] = -1
        worst = heap_values[0]
        for span in range(len(span_best)):
            if span_best[span] < floor or span_best[span] <= worst:
                continue
            for column in range(span * SPAN, min((span + 1) * SPAN, n)):
                if row_scores[column] >= floor and row_scores[column] > worst:
                    _sift(heap_values, heap_columns, k, row_scores[column], column)
                    worst = heap_values[0]
        for size in range(k - 1, 0, -1):  # heap sort: the worst goes to the end
            value, column = heap_values[size], heap_columns[size]
            heap_values[size], heap_columns[size] = heap_values[0], heap_columns[0]
            _sift(heap_values, heap_columns, size, value, column)


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})  # scores are never NaN: allows vector instructions
def _highest(span: Any) -> Any:
    highest = span[0]
    for column in range(len(span)):
        highest = span[column] if span[column] > highest else highest
    return highest


@njit(cache=True, nogil=True)
def _kth(scores: Any, values: Any, columns: Any) -> Any:
    """Return the len(values)-th best of `scores`; the other arguments are memory for a heap."""
    values[:] = -np.inf
    columns[:] = -1
    for column in range(len(scores)):
        if scores[column] > values[0]:
            _sift(values, columns, len(values), scores[column], column)
    return values[0]


@njit(cache=True, nogil=True)
def _sift(values: Any, columns: Any, size: int, value: float, column: int) -> None:
    """Replace the top of the heap by (value, column); the top is the lowest value, of equals the highest column."""
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            values[right] < values[child] or (values[right] == values[child] and columns[right] > columns[child])
        ):
            child = right
        if values[child] > value or (values[child] == value and columns[child] < column):
            break
        values[parent], columns[parent] = values[child], columns[child]
        parent = child
    values[parent], columns[parent] = value, column
