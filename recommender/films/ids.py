"""The map between raw ids (of films or users) and matrix rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommender.errors import DataError

UNKNOWN = -1
LARGEST_INTEGER = 2**53 - 1
TEXT_BYTES = 128  # the most of a text id in UTF-8
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLAIN_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)

RawId = int | str


class IdMap:
    """Bijection between raw ids and rows 0..n-1, in ascending order of the raw id: integers, or text by its bytes.

    A map of integers is backed by one sorted array, so a memory-mapped array serves without a copy.
    """

    def __init__(self, ids: ArrayLike) -> None:
        """`ids`: (n,) integer ids, strictly ascending. Raises DataError otherwise."""
        array = np.asanyarray(ids)
        if array.ndim != 1 or (array.size > 1 and not bool(np.all(array[1:] > array[:-1]))):
            raise DataError("Expected one-dimensional, strictly ascending raw ids; found a repeat or a step down.")
        self._ids: NDArray[np.int64] = array
        self._texts: list[str] | None = None
        self._row_by_text: dict[str, int] = {}

    @classmethod
    def from_raw(cls, raw: ArrayLike | Iterable[str]) -> Self:
        """Return the map of the distinct values of `raw`, which may repeat and come in any order."""
        values = np.asarray(list(raw) if isinstance(raw, set) else raw)
        if values.dtype.kind in "iu" or not values.size:
            return cls(np.unique(values).astype(np.int64))
        texts = set(values.tolist())
        if all(_PLAIN_DECIMAL.fullmatch(text) and int(text) <= LARGEST_INTEGER for text in texts):
            return cls(np.array(sorted(map(int, texts)), dtype=np.int64))
        return cls._from_texts(sorted(texts))  # by code points, which is the order of their bytes

    @classmethod
    def _from_texts(cls, texts: list[str]) -> Self:
        ids = cls(np.arange(len(texts)))
        ids._texts = texts
        ids._row_by_text = {text: row for row, text in enumerate(texts)}
        return ids

    @property
    def is_text(self) -> bool:
        """Return whether the raw ids are text."""
        return self._texts is not None

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the raw ids (n,) by row, of a map of integers."""
        assert self._texts is None, "a map of text ids has no array of integers"
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, raw: RawId) -> bool:
        return self.row(raw) != UNKNOWN

    def row(self, raw: RawId) -> int:
        """Return the row of one raw id, or UNKNOWN (-1)."""
        if self._texts is not None or isinstance(raw, str):
            return self._row_by_text.get(str(raw), UNKNOWN)
        row = int(np.searchsorted(self._ids, raw))
        return row if row < len(self._ids) and int(self._ids[row]) == raw else UNKNOWN

    def rows(self, raw: ArrayLike) -> NDArray[np.int64]:
        """Return the rows of many raw ids, in the same shape; UNKNOWN (-1) for an id that is not in the map."""
        ids = np.asarray(raw)
        if self._texts is not None:
            found_rows = [self._row_by_text.get(text, UNKNOWN) for text in ids.ravel().tolist()]
            return np.array(found_rows, dtype=np.int64).reshape(ids.shape)
        if not len(self._ids):
            return np.full(ids.shape, UNKNOWN, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[rows] == ids, rows, UNKNOWN).astype(np.int64)

    def raw(self, row: int) -> RawId:
        """Return the raw id of a row."""
        return int(self._ids[row]) if self._texts is None else self._texts[row]

    def raws(self, rows: ArrayLike) -> list[Any]:
        """Return the raw ids of many rows."""
        if self._texts is None:
            return list(self._ids[np.asarray(rows)].tolist())
        return [self._texts[row] for row in np.asarray(rows).tolist()]

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the map as arrays: integers as `<prefix>`; text as its bytes and offsets."""
        if self._texts is None:
            return {prefix: self._ids}
        encoded = [text.encode() for text in self._texts]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return {f"{prefix}_text": np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{prefix}_offsets": offsets}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Self:
        """Return the map that `arrays` stored."""
        if prefix in arrays:
            return cls(arrays[prefix])
        content, offsets = arrays[f"{prefix}_text"].tobytes(), arrays[f"{prefix}_offsets"].tolist()
        return cls._from_texts([content[start:stop].decode() for start, stop in pairwise(offsets)])
