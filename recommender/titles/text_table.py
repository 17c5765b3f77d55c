"""Sorted texts as memory-mappable arrays: look-up, prefixes, and close spellings without a Python object for each.

For a table called `name` the arrays are `<name>_text` and `<name>_offsets` (UTF-8, ascending), `<name>_letters`
(uint64, one bit for each letter that occurs) and `<name>_lengths` (uint16, in characters).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

Arrays = Mapping[str, NDArray[Any]]

_STEP = 64  # of so many texts one is kept as an object, for the first steps of a look-up
_LETTERS = {letter: bit for bit, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789 ")}


def encode_texts(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of the table `name`; `texts` in ascending order of their UTF-8, repeats allowed."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return {
        f"{name}_text": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_offsets": offsets,
        f"{name}_letters": np.array([letters(text) for text in texts], dtype=np.uint64),
        f"{name}_lengths": np.array([min(len(text), 65_535) for text in texts], dtype=np.uint16),
    }


def letters(text: str) -> int:
    """One bit for each letter that occurs; rare letters share bits."""
    mask = 0
    for letter in set(text):
        mask |= 1 << _LETTERS.get(letter, 37 + ord(letter) % 27)
    return mask


class TextTable:
    """The texts of one table, by row."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        # Slicing and indexing a memory view costs a fifth of doing so with an array.
        self._text = np.ascontiguousarray(arrays[f"{name}_text"]).data
        self._offsets = np.ascontiguousarray(arrays[f"{name}_offsets"], dtype=np.int64).data
        self._letters = arrays[f"{name}_letters"]
        self._lengths = arrays[f"{name}_lengths"]
        self._landmarks = [self[row] for row in range(0, len(self), _STEP)]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> bytes:
        return bytes(self._text[self._offsets[row] : self._offsets[row + 1]])

    def equal(self, text: str) -> range:
        """The rows that hold `text`."""
        wanted = text.encode()
        first = last = self._first_not_below(wanted)
        while last < len(self) and self[last] == wanted:
            last += 1
        return range(first, last)

    def starting(self, prefix: str) -> range:
        """The rows whose text begins with `prefix`."""
        return range(self._first_not_below(prefix.encode()), self._first_not_below(prefix.encode() + b"\xff"))

    def close(self, text: str, edits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows within `edits` insertions, deletions, substitutions or swaps of `text`, and how many each needs.

        An edit brings at most one new letter and takes at most one away, which rules out all but a few texts before
        any distance is computed.
        """
        mask = np.uint64(letters(text))
        near = np.bitwise_count(self._letters & ~mask) <= edits
        near &= np.bitwise_count(mask & ~self._letters) <= edits
        near &= np.abs(self._lengths.astype(np.int32) - len(text)) <= edits
        rows = np.flatnonzero(near)
        if not len(rows):
            return rows, rows
        choices = [self[row].decode() for row in rows.tolist()]
        distances = cdist([text], choices, scorer=OSA.distance, score_cutoff=edits, dtype=np.uint8)[0]
        kept = distances <= edits
        return rows[kept], distances[kept].astype(np.int64)

    def _first_not_below(self, wanted: bytes) -> int:
        block = bisect_left(self._landmarks, wanted)
        last = min(block * _STEP, len(self))
        return bisect_left(range(last), wanted, max(block - 1, 0) * _STEP, key=self.__getitem__)
