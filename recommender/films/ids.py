"""The map between raw ids (of items or users) and matrix rows.

The ids of a set are integers when each of them is a plain decimal below 2^53, the largest that every JSON reader takes
exactly; otherwise all of them are text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommender.errors import DataError
from recommender.texts import SortedTexts, concatenate

UNKNOWN = -1
LARGEST_INTEGER = 2**53 - 1
TEXT_BYTES = 128  # the most of a text id in UTF-8
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLAIN_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)

RawId = int | str
Rows = Iterable[int] | NDArray[Any]


class IdMap:
    """Bijection between integer ids and rows 0..n-1, in ascending order of the id; `TextIdMap` is the one of texts.

    Backed by one sorted array, so a memory-mapped array serves without a copy.
    """

    is_text = False

    def __init__(self, ids: ArrayLike) -> None:
        """`ids`: (n,) raw ids, strictly ascending. Raises DataError otherwise."""
        array = np.asanyarray(ids)
        if array.ndim != 1 or (array.size > 1 and not bool(np.all(array[1:] > array[:-1]))):
            raise DataError("Expected one-dimensional, strictly ascending raw ids; found a repeat or a step down.")
        self._ids: NDArray[np.int64] = array

    @staticmethod
    def from_raw(raw: ArrayLike | Iterable[RawId]) -> IdMap:
        """Return the map of the distinct values of `raw`, which may repeat and come in any order.

        Raises DataError for a text that is no id: empty, longer than TEXT_BYTES, or with control characters.
        """
        array: NDArray[Any] = np.asarray(raw if isinstance(raw, np.ndarray) else _objects(raw))
        if array.dtype.kind in "iu":
            distinct = np.unique(array)
            if not distinct.size or (distinct[0] >= 0 and distinct[-1] <= LARGEST_INTEGER):
                return IdMap(distinct.astype(np.int64))
            array = distinct
        texts = {str(value) for value in array.ravel().tolist()}
        if all(is_integer_id(text) for text in texts):
            return IdMap(np.array(sorted(map(int, texts)), dtype=np.int64))
        return TextIdMap.from_texts(texts)

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str) -> IdMap:
        """Return the map that `arrays(prefix)` wrote."""
        if prefix in arrays:
            return IdMap(arrays[prefix])
        return TextIdMap(SortedTexts(arrays[f"{prefix}_text"], arrays[f"{prefix}_offsets"], f"{prefix}_text"))

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the map as arrays of a bundle: `<prefix>`, or `<prefix>_text` and `<prefix>_offsets` for texts."""
        return {prefix: self._ids}

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the integer ids (n,) by row."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, raw: RawId) -> bool:
        return self.row(raw) != UNKNOWN

    def row(self, raw: RawId) -> int:
        """Return the row of one raw id, or UNKNOWN (-1)."""
        if isinstance(raw, str):
            return UNKNOWN
        ids = self._ids.data  # faster than the array, one by one
        row = bisect_left(ids, raw)
        return row if row < len(ids) and ids[row] == raw else UNKNOWN

    def rows(self, raw: ArrayLike | Sequence[RawId]) -> NDArray[np.int64]:
        """Return the rows of many raw ids, in the same shape; UNKNOWN (-1) for an id that is not in the map."""
        ids = np.asarray(raw)
        if not len(self._ids) or ids.dtype.kind not in "iufb":
            return np.full(ids.shape, UNKNOWN, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[rows] == ids, rows, UNKNOWN).astype(np.int64)

    def raw(self, row: int) -> RawId:
        """Return the raw id of one row."""
        return int(self._ids[row])

    def from_text(self, text: str) -> RawId | None:
        """Parse a raw id; None for a text that is no integer where all ids are integers."""
        return int(text) if is_integer_id(text) else None

    def raws(self, rows: Rows) -> list[RawId]:
        """Return the raw ids of many rows, as Python values."""
        return [self.raw(int(row)) for row in rows]

    def values(self, rows: Rows | slice = slice(None)) -> NDArray[Any]:
        """Return the raw ids of many rows as an array of int64 or str, whose order is that of the rows."""
        return np.asarray(self._ids[rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)])

    def is_same(self, other: IdMap) -> bool:
        """Return whether both maps give each row the same id."""
        return np.array_equal(self.values(), other.values())


class TextIdMap(IdMap):
    """Bijection between text ids and rows 0..n-1, in ascending order of their UTF-8."""

    is_text = True

    def __init__(self, texts: SortedTexts) -> None:
        """`texts`: distinct, ascending. They are not looked through here: a served model opens without reading them."""
        self._texts = texts

    @staticmethod
    def from_texts(texts: Iterable[str]) -> TextIdMap:
        """Return the map of the distinct `texts`. Raises DataError for one that is no id."""
        encoded = sorted(_encoded(text) for text in set(texts))
        return TextIdMap(SortedTexts(*concatenate(encoded)))

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        text, offsets = concatenate([self._texts[row] for row in range(len(self))])
        return {f"{prefix}_text": text, f"{prefix}_offsets": offsets}

    @property
    def ids(self) -> NDArray[np.int64]:
        raise DataError("Expected integer ids, found ids that are text.")

    def __len__(self) -> int:
        return len(self._texts)

    def row(self, raw: RawId) -> int:
        if not isinstance(raw, str):
            return UNKNOWN
        encoded = raw.encode("utf-8", "surrogatepass")
        row = self._texts.first_not_below(encoded)
        return row if row < len(self._texts) and self._texts[row] == encoded else UNKNOWN

    def rows(self, raw: ArrayLike | Sequence[RawId]) -> NDArray[np.int64]:
        ids = np.asarray(raw, dtype=object)
        return np.array([self.row(text) for text in ids.ravel().tolist()], dtype=np.int64).reshape(ids.shape)

    def from_text(self, text: str) -> RawId | None:
        return text

    def raw(self, row: int) -> str:
        return self._texts[row].decode()

    def values(self, rows: Rows | slice = slice(None)) -> NDArray[Any]:
        return np.array(self.raws(range(len(self))[rows] if isinstance(rows, slice) else rows), dtype=np.str_)


def _objects(raw: Any) -> NDArray[Any]:
    """Return values as an array of Python objects: numpy's string type drops trailing NUL characters."""
    values = list(raw)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def is_integer_id(text: str) -> bool:
    """Return whether the text of an id is a plain decimal below 2^53."""
    return _PLAIN_DECIMAL.fullmatch(text) is not None and int(text) <= LARGEST_INTEGER


def _encoded(text: str) -> bytes:
    """Return a text id in UTF-8. Raises DataError where it is none."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise DataError("Expected ids that are valid UTF-8; found one with a lone surrogate.") from error
    if not 1 <= len(encoded) <= TEXT_BYTES or CONTROL.search(text):
        raise DataError(
            f"Expected ids of 1 to {TEXT_BYTES} bytes without control characters; found {text[:40]!r} of "
            f"{len(encoded)} bytes."
        )
    return encoded
