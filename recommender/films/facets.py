"""Which items have which values of the facets (genres, authors, ...), as memory-mapped arrays.

v is the number of values of all f facets: those of the first facet, then those of the second, and so on.

facets_text, facets_offsets    UTF-8 values, concatenated, and (v + 1) offsets
facets_starts                  (f + 1) int32: the values of facet i are those from starts[i] up to starts[i + 1]
facets_indptr, facets_items    sparse rows (v, n): (v + 1) int64, and int32 rows of the items that have each value
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import schema
from recommender.errors import UsageError
from recommender.items import Facet
from recommender.texts import Texts, concatenate

Arrays = Mapping[str, NDArray[Any]]
MOST_NAMED = 40  # values that an error lists


class FacetIndex:
    """The items of each value of each facet."""

    def __init__(self, arrays: Arrays, facets: Sequence[Facet]) -> None:
        """`facets`: those of the manifest, in the order of the arrays."""
        self.facets = {facet.name: facet for facet in facets}
        self._texts = Texts(arrays["facets_text"], arrays["facets_offsets"], "facets_text")
        starts = arrays["facets_starts"].tolist()
        self._spans = {facet.name: range(*starts[i : i + 2]) for i, facet in enumerate(facets)}
        self._indptr = arrays["facets_indptr"]
        self._items = arrays["facets_items"]
        self._columns: dict[str, dict[str, list[int]]] = {}

    def values(self, facet: str) -> list[str]:
        """Return the values of a facet; none where the items have no such facet."""
        return [self._texts[column].decode() for column in self._spans.get(facet, ())]

    def counts(self, facet: str) -> list[tuple[str, int]]:
        """Return each value of a facet with its number of items. Raises UsageError for an unknown facet."""
        self._require(facet)
        return [(value, len(self.items(facet, position))) for position, value in enumerate(self.values(facet))]

    def positions(self, facet: str, value: str) -> list[int]:
        """Return the positions among `values` that equal `value`, case ignored.

        Raises UsageError for a facet or value that no item has.
        """
        if facet != schema.GENRES:
            self._require(facet)
        positions = self._positions(facet).get(value.casefold())
        if positions is None:
            raise UsageError(self._unknown_value(facet))
        return positions

    def items(self, facet: str, position: int) -> NDArray[np.int32]:
        """Return the rows of the items that have the value at a position of a facet, ascending."""
        column = self._spans[facet][position]
        return self._items[int(self._indptr[column]) : int(self._indptr[column + 1])]

    def having(self, facet: str, values: Sequence[str], n: int) -> NDArray[np.bool_]:
        """Return a mask (n,) of the items with at least one of the values. Raises UsageError, as `positions` does."""
        mask = np.zeros(n, dtype=bool)
        for value in values:
            for position in self.positions(facet, value):
                mask[self.items(facet, position)] = True
        return mask

    def _require(self, facet: str) -> None:
        if facet not in self._spans:
            raise UsageError(f"Unknown facet; expected one of: {', '.join(self.facets) or 'none'}.")

    def _positions(self, facet: str) -> dict[str, list[int]]:
        """Return positions by case-folded value; made when a facet is first asked for."""
        if facet not in self._columns:
            columns: dict[str, list[int]] = {}
            for position, value in enumerate(self.values(facet)):
                columns.setdefault(value.casefold(), []).append(position)
            self._columns[facet] = columns
        return self._columns[facet]

    def _unknown_value(self, facet: str) -> str:
        label = self.facets[facet].label.lower() if facet in self.facets else "genre"
        values = self.values(facet)
        if len(values) > MOST_NAMED:
            return f"Unknown {label}; no item of this model has it. /facets lists those that there are."
        return f"Unknown {label}; expected one of: {', '.join(values)}."


def encode_facets(facets: Sequence[Facet], values: Sequence[Sequence[Sequence[str]]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a facet index; `values[i][row]`: the values of facet i that an item has."""
    names: list[str] = []
    starts, items = [0], []
    for facet, by_row in zip(facets, values, strict=True):
        rows_by_value: dict[str, list[int]] = {}
        for row, of_item in enumerate(by_row):
            for value in dict.fromkeys(of_item):
                rows_by_value.setdefault(value, []).append(row)
        in_order = ordered(facet.name, rows_by_value)
        names += in_order
        items += [rows_by_value[value] for value in in_order]
        starts.append(len(names))
    return sparse_arrays(names, starts, items)


def sparse_arrays(
    names: Sequence[str], starts: Sequence[int], items: Sequence[Sequence[int] | NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a facet index, given all values, where each facet's begin, and the rows of each value."""
    text, offsets = concatenate([name.encode() for name in names])
    indptr = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum([len(rows) for rows in items], out=indptr[1:])
    return {
        "facets_text": text,
        "facets_offsets": offsets,
        "facets_starts": np.array(starts, dtype=np.int32),
        "facets_indptr": indptr,
        "facets_items": np.concatenate([*map(np.asarray, items), np.empty(0, np.int32)]).astype(np.int32),
    }


def ordered(facet: str, values: Iterable[str]) -> list[str]:
    """Return the distinct values of a facet in order: MovieLens's own genres first and in its order, others by name."""
    values = set(values)
    in_file_order = schema.GENRE_NAMES if facet == schema.GENRES else ()
    return [name for name in in_file_order if name in values] + sorted(values - set(in_file_order))
