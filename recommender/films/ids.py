"""The map between raw ids (of films or users) and matrix rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommender.errors import DataError

UNKNOWN = -1


class IdMap:
    """Bijection between raw ids and rows 0..n-1, in ascending order of the raw id.

    Backed by one sorted array, so a memory-mapped array serves without a copy.
    """

    def __init__(self, ids: ArrayLike) -> None:
        """`ids`: (n,) raw ids, strictly ascending. Raises DataError otherwise."""
        array = np.asanyarray(ids)
        if array.dtype.kind in "UT":
            array = array.astype(object)
        if array.ndim != 1 or (array.size > 1 and not bool(np.all(array[1:] > array[:-1]))):
            raise DataError("Expected one-dimensional, strictly ascending raw ids; found a repeat or a step down.")
        self._ids: NDArray[Any] = array

    @classmethod
    def from_raw(cls, raw: ArrayLike) -> IdMap:
        """Return the map of the distinct values of `raw`, which may repeat and come in any order."""
        values = np.asarray(raw)
        if values.dtype.kind in "OUT":
            return cls(np.array(sorted(set(values.tolist())), dtype=object))
        return cls(np.unique(values).astype(np.int64))

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the raw ids (n,) by row; only where they are integers."""
        return self._ids

    @property
    def is_text(self) -> bool:
        """Return whether the raw ids are strings, in the order of their UTF-8 bytes."""
        return self._ids.dtype == object

    def raws(self, rows: ArrayLike) -> list[int | str]:
        """Return the raw ids of these rows."""
        return list(self._ids[np.asarray(rows)].tolist())

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, raw: int | str) -> bool:
        return self.row(raw) != UNKNOWN

    def row(self, raw: int | str) -> int:
        """Return the row of one raw id, or UNKNOWN (-1)."""
        if isinstance(raw, str) != self.is_text:
            return UNKNOWN
        row = int(np.searchsorted(self._ids, raw))
        return row if row < len(self._ids) and self._ids[row] == raw else UNKNOWN

    def rows(self, raw: ArrayLike) -> NDArray[np.int64]:
        """Return the rows of many raw ids, in the same shape; UNKNOWN (-1) for an id that is not in the map."""
        ids = np.asarray(raw, dtype=object if self.is_text else None)
        if not len(self._ids):
            return np.full(ids.shape, UNKNOWN, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[rows] == ids, rows, UNKNOWN).astype(np.int64)
