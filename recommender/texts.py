"""Many texts in one byte array with offsets, as memory-mapped arrays: UTF-8, by row, nothing copied at load."""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BundleIntegrityError

_BOUNDS = struct.Struct("<qii")
_STEP = 8  # every so many texts, one is held in memory for the first steps of a binary search


def concatenate(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return one byte array of all texts, and (n + 1) offsets into it."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return np.frombuffer(b"".join(texts), dtype=np.uint8), offsets


class Texts:
    """Texts by row."""

    def __init__(self, text: NDArray[Any], offsets: NDArray[Any], name: str = "text") -> None:
        """`text`: concatenated UTF-8; `offsets`: (n + 1). Raises BundleIntegrityError where they do not divide it.

        `name`: of the array, for the error.
        """
        starts = np.ascontiguousarray(offsets, dtype=np.int64)
        if not len(starts) or starts[0] != 0 or starts[-1] != len(text) or bool(np.any(starts[1:] < starts[:-1])):
            raise BundleIntegrityError(f"Array {name}: expected offsets that ascend from 0 to its length.")
        # Slicing and indexing a memory view costs a fifth of doing so with an array.
        self._name = name
        self._text = np.ascontiguousarray(text).data
        self._offsets = starts.data

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> bytes:
        return self._text[self._offsets[row] : self._offsets[row + 1]].tobytes()

    def bounds_at(self, mark: bytes) -> memoryview:
        """Return where each text, without its first byte, begins, and its lengths up to `mark` and from there.

        As _BOUNDS, side by side: what lies apart in the memory takes longer to read than to use. Raises
        BundleIntegrityError where a text does not hold the mark once.
        """
        places = np.array([match.start() for match in re.finditer(re.escape(mark), self._text)], dtype=np.int64)
        offsets = np.asarray(self._offsets)
        if len(places) != len(self) or np.any(places <= offsets[:-1]) or np.any(places >= offsets[1:]):
            raise BundleIntegrityError(f"Array {self._name}: expected each text to hold {mark.decode()!r} once.")
        bounds = np.empty(len(self), dtype=[("start", "<i8"), ("head", "<i4"), ("tail", "<i4")])
        bounds["start"], bounds["head"], bounds["tail"] = (
            offsets[:-1] + 1,
            places - offsets[:-1] - 1,
            offsets[1:] - places,
        )
        return bounds.view(np.uint8).data

    def split(self, rows: Sequence[int], bounds: memoryview) -> tuple[list[memoryview], list[memoryview]]:
        """Return the texts of many rows in two lists, divided by `bounds`."""
        text, heads, tails = self._text, [], []
        for row in rows:
            start, head, tail = _BOUNDS.unpack_from(bounds, _BOUNDS.size * row)
            place = start + head
            heads.append(text[start:place])
            tails.append(text[place : place + tail])
        return heads, tails


class SortedTexts(Texts):
    """Texts in ascending order of their bytes, which may repeat; found by binary search."""

    @cached_property
    def _landmarks(self) -> list[bytes]:
        return [self[row] for row in range(0, len(self), _STEP)]

    def first_not_below(self, text: bytes) -> int:
        """Return the first row whose text is not below `text`; n where all are."""
        block = bisect_left(self._landmarks, text)
        stop = min(block * _STEP, len(self))
        return bisect_left(range(stop), text, max(block - 1, 0) * _STEP, key=self.__getitem__)
