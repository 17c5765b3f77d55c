"""Raw ids and matrix rows: one frozen, sorted map in each direction."""

from __future__ import annotations

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
        if array.ndim != 1 or (array.size > 1 and not bool(np.all(array[1:] > array[:-1]))):
            raise DataError("Expected one-dimensional, strictly ascending raw ids; found a repeat or a step down.")
        self._ids: NDArray[np.int64] = array

    @classmethod
    def from_raw(cls, raw: ArrayLike) -> IdMap:
        """Map over the distinct values of `raw`, in any order and with repeats."""
        return cls(np.unique(np.asarray(raw)).astype(np.int64))

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,) raw ids by row."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, raw: int) -> bool:
        return self.row(raw) != UNKNOWN

    def row(self, raw: int) -> int:
        """Row of one raw id, or UNKNOWN (-1)."""
        at = int(np.searchsorted(self._ids, raw))
        return at if at < len(self._ids) and int(self._ids[at]) == raw else UNKNOWN

    def rows(self, raw: ArrayLike) -> NDArray[np.int64]:
        """Rows of many raw ids, same shape; an id that is not in the map gives UNKNOWN (-1)."""
        wanted = np.asarray(raw)
        if not len(self._ids):
            return np.full(wanted.shape, UNKNOWN, dtype=np.int64)
        at = np.searchsorted(self._ids, wanted)
        at = np.minimum(at, len(self._ids) - 1)
        return np.where(self._ids[at] == wanted, at, UNKNOWN).astype(np.int64)
