"""Delimited text to typed tables: the fast parser takes whole blocks, the careful one takes the damaged blocks.

A block that the fast parser refuses, or from which it makes another number of rows than the block has lines (a stray
quote swallows lines silently), is read again line by line. Both ways give the same rows for sound text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from training.datasets.quarantine import Quarantine
from training.datasets.readers.careful import parse_lines
from training.datasets.readers.layout import BOM, Layout, require_content
from training.datasets.tables import Table

_BLOCK = 16 << 20
_ARROW_TYPES = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "float32": pa.float32(),
    "str": pa.string(),
}


def read_numbers(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """A file of numbers, of any size: block by block into arrays of the final size."""
    require_content(path)
    with path.open("rb") as file:
        layout, first_line = _past_header(path, file, layout)
        columns = {name: np.empty(_count_lines(path), dtype=dtype) for name, dtype in layout.dtypes.items()}
        rows, line, lines = 0, first_line, _LineNumbers()
        for block in _blocks(file):
            count = _fill(columns, rows, block, layout, path, line, quarantine, lines)
            rows += count
            line += _lines_in(block)
    frame = pd.DataFrame({name: values[:rows] for name, values in columns.items()}, copy=False)
    return Table(frame, path, first_line, lines.array())


def read_text(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """A file with text columns (titles, tags), read whole."""
    require_content(path)
    with path.open("rb") as file:
        layout, first_line = _past_header(path, file, layout)
        data = file.read()
    if layout.legacy:
        data = _as_utf8(data)
    parsed = _parse_fast(data, layout)
    if parsed is not None:
        return Table(_frame_of(parsed, layout), path, first_line)
    values, numbers = parse_lines(data, layout, path, first_line, quarantine)
    frame = pd.DataFrame({name: pd.Series(values[name], dtype=dtype) for name, dtype in layout.dtypes.items()})
    return Table(frame, path, first_line, np.array(numbers, dtype=np.int64))


class _LineNumbers:
    """Line numbers of all rows, kept only once a line was skipped."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.int64] | range] = []

    def add(self, part: NDArray[np.int64] | range) -> None:
        self._parts.append(part)

    def array(self) -> NDArray[np.int64] | None:
        if all(isinstance(part, range) for part in self._parts):
            return None
        return np.concatenate([np.asarray(part, dtype=np.int64) for part in self._parts])


def _past_header(path: Path, file: BinaryIO, layout: Layout) -> tuple[Layout, int]:
    """The layout with what the header says, and the number of the first line that holds data."""
    first = file.readline()
    layout = layout.resolved(path, first)
    if layout.has_header:
        return layout, 2
    file.seek(len(BOM) if first.startswith(BOM) else 0)
    return layout, 1


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in blocks that end at a line end."""
    while block := file.read(_BLOCK):
        yield block + file.readline()


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(_lines_in(block) for block in _blocks(file))


def _lines_in(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _fill(
    columns: dict[str, NDArray[Any]],
    at: int,
    block: bytes,
    layout: Layout,
    path: Path,
    line: int,
    quarantine: Quarantine,
    lines: _LineNumbers,
) -> int:
    """Parse one block into `columns` from row `at` on; returns how many rows it gave."""
    parsed = _parse_fast(block, layout)
    if parsed is None:
        values, numbers = parse_lines(block, layout, path, line, quarantine)
        for name, column in columns.items():
            column[at : at + len(numbers)] = values[name]
        lines.add(np.array(numbers, dtype=np.int64))
        return len(numbers)
    for name, column in columns.items():
        start = at
        for chunk in parsed[name].chunks:
            column[start : start + len(chunk)] = chunk.to_numpy()
            start += len(chunk)
    lines.add(range(line, line + parsed.num_rows))
    return int(parsed.num_rows)


def _parse_fast(data: bytes, layout: Layout) -> pa.Table | None:
    """The wanted columns of `data`, or None where any line of it needs a closer look."""
    step = len(layout.separator)  # "::" is read as ":" with an empty field between any two
    fields = [f"field {at}" for at in range((layout.width - 1) * step + 1)]
    wanted = {fields[at * step]: name for name, at in layout.positions().items()}
    between = [field for at, field in enumerate(fields) if at % step]
    nullable = {name for name, dtype in layout.dtypes.items() if dtype == "Int64"}
    types = {field: _ARROW_TYPES[layout.dtypes[name]] for field, name in wanted.items()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=fields),
            parse_options=arrow_csv.ParseOptions(
                delimiter=layout.separator[0],
                quote_char='"' if layout.quoted else False,
                newlines_in_values=layout.quoted,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types | dict.fromkeys(between, pa.null()),
                include_columns=[*wanted, *between],
                null_values=[""] if nullable or between else [],
            ),
        )
    except pa.ArrowInvalid:
        return None
    table = table.select(list(wanted)).rename_columns(list(wanted.values()))
    missing = any(table[name].null_count for name in layout.dtypes if name not in nullable)
    return None if missing or table.num_rows != _lines_in(data) else table


def _frame_of(table: pa.Table, layout: Layout) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame.astype(dict(layout.dtypes))


def _as_utf8(data: bytes) -> bytes:
    """Text as UTF-8: what is valid already stays, anything else is taken for latin-1."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")
    return data
