"""Delimited text to typed tables: fast parsers take whole blocks, the careful one takes the damaged blocks.

A block that the fast parsers refuse, or from which they make another number of rows than the block has lines (a stray
quote swallows lines silently), is read again line by line. All ways give the same rows for sound text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
_COMPILED_FROM = 1 << 20  # bytes: below, loading the compiled parser takes longer than it saves
_NEWLINE = 10
_TAIL = 1 << 16
_GROWTH = 1.02  # a file's later rows are about as long as its first ones
_ARROW_TYPES = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "float32": pa.float32(),
    "str": pa.string(),
}

Columns = dict[str, NDArray[Any]]


def read_numbers(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """A file of numbers, of any size: block by block into arrays that hold nothing else."""
    require_content(path)
    layout, first_line, start = _past_header(path, layout)
    parser, rows, lines, line = _NumberParser(layout), _GrowingColumns(layout), _LineNumbers(), first_line
    for block, share_read in _blocks(path, start):
        columns = parser.parse(block)
        if columns is not None:
            count = len(next(iter(columns.values())))
            lines.add(range(line, line + count))
            line += count
        else:
            values, numbers = parse_lines(block.tobytes(), layout, path, line, quarantine)
            columns = {name: np.array(values[name], dtype=dtype) for name, dtype in layout.dtypes.items()}
            lines.add(np.array(numbers, dtype=np.int64))
            line += _lines_in(block)
        rows.add(columns, share_read)
    return Table(pd.DataFrame(rows.finished(), copy=False), path, first_line, lines.array())


def read_text(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """A file with text columns (titles, tags), read whole."""
    require_content(path)
    layout, first_line, start = _past_header(path, layout)
    data = path.read_bytes()[start:]
    if layout.legacy:
        data = _as_utf8(data)
    parsed = _parse_with_arrow(np.frombuffer(data, dtype=np.uint8), layout)
    if parsed is not None:
        return Table(_frame_of(parsed, layout), path, first_line)
    values, numbers = parse_lines(data, layout, path, first_line, quarantine)
    frame = pd.DataFrame({name: pd.Series(values[name], dtype=dtype) for name, dtype in layout.dtypes.items()})
    return Table(frame, path, first_line, np.array(numbers, dtype=np.int64))


class _GrowingColumns:
    """Columns that grow in place to the size which what was read so far foretells."""

    def __init__(self, layout: Layout) -> None:
        self._columns: Columns = {name: np.empty(0, dtype=dtype) for name, dtype in layout.dtypes.items()}
        self._rows = 0

    def add(self, more: Columns, share_read: float) -> None:
        """Append rows; `share_read` of the file has been read with them."""
        start, self._rows = self._rows, self._rows + len(next(iter(more.values())))
        for name, column in list(self._columns.items()):
            if len(column) < self._rows:
                self._grow(name, int(self._rows / share_read * _GROWTH) + 1)
            self._columns[name][start : self._rows] = more[name]

    def _grow(self, name: str, size: int) -> None:
        if len(self._columns[name]):
            self._columns[name].resize(size, refcheck=False)
        else:  # `resize` would fill it with zeros
            self._columns[name] = np.empty(size, dtype=self._columns[name].dtype)

    def finished(self) -> Columns:
        """The columns, cut to their rows."""
        for column in self._columns.values():
            column.resize(self._rows, refcheck=False)
        return self._columns


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


def _past_header(path: Path, layout: Layout) -> tuple[Layout, int, int]:
    """The layout with what the header says, number of the first line that holds data, and where it starts."""
    with path.open("rb") as file:
        first = file.readline()
    layout = layout.resolved(path, first)
    if layout.has_header:
        return layout, 2, len(first)
    return layout, 1, len(BOM) if first.startswith(BOM) else 0


def _blocks(path: Path, start: int) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Blocks of whole lines and the share of the file that was read; a block lives until the next one."""
    buffer, held, done, size = np.empty(_BLOCK, dtype=np.uint8), 0, start, path.stat().st_size
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while count := file.readinto(buffer[held:].data):
            filled = held + count
            end = _last_line_end(buffer[:filled])
            if end == 0:  # a line as long as the buffer
                buffer, held = np.concatenate([buffer[:filled], np.empty(_BLOCK, dtype=np.uint8)]), filled
                continue
            done += count
            yield buffer[:end], (done - (filled - end)) / size
            held = filled - end
            buffer[:held] = buffer[end:filled].copy()
    if held:
        yield buffer[:held], 1.0


def _last_line_end(data: NDArray[np.uint8]) -> int:
    """Just past the last line end, 0 where there is none."""
    for start in range(len(data) - 1, -1, -_TAIL):
        part = data[max(start - _TAIL + 1, 0) : start + 1]
        if len(ends := np.flatnonzero(part == _NEWLINE)):
            return max(start - _TAIL + 1, 0) + int(ends[-1]) + 1
    return 0


def _lines_in(block: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(block == _NEWLINE)) + int(len(block) > 0 and block[-1] != _NEWLINE)


class _NumberParser:
    """Parses blocks of one file; the columns that it gives live until the next block."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._slots = np.full(layout.width, -1, dtype=np.int64)
        self._slots[list(layout.positions().values())] = np.arange(len(layout.dtypes))
        self._whole = np.array([dtype != "float32" for dtype in layout.dtypes.values()])
        self._out = np.empty((len(layout.dtypes), 0))

    def parse(self, block: NDArray[np.uint8]) -> Columns | None:
        """The wanted columns of a block, or None where any line of it needs a closer look."""
        if len(block) >= _COMPILED_FROM and (columns := self._parse_compiled(block)) is not None:
            return columns
        table = _parse_with_arrow(block, self._layout)
        return None if table is None else {name: table[name].to_numpy() for name in self._layout.dtypes}

    def _parse_compiled(self, block: NDArray[np.uint8]) -> Columns | None:
        from training.kernels import numbers  # numba takes a while to load: only where files are large

        capacity = len(block) // (2 * self._layout.width) + 1
        if self._out.shape[1] < capacity:
            self._out = np.empty((len(self._out), capacity))
        rows = numbers.parse_numbers(block, self._layout.separator, self._slots, self._whole, self._out)
        if rows == numbers.REFUSED:
            return None
        columns = dict(zip(self._layout.dtypes, self._out[:, :rows], strict=True))
        return columns if all(_fits(columns[name], dtype) for name, dtype in self._layout.dtypes.items()) else None


def _fits(values: NDArray[np.float64], dtype: str) -> bool:
    if dtype != "int32":
        return True
    limits = np.iinfo(dtype)
    return bool(values.min(initial=0) >= limits.min and values.max(initial=0) <= limits.max)


def _parse_with_arrow(data: NDArray[np.uint8], layout: Layout) -> pa.Table | None:
    """The wanted columns of `data`, or None where any line of it needs a closer look."""
    step = len(layout.separator)  # "::" is read as ":" with an empty field between any two
    fields = [f"field {at}" for at in range((layout.width - 1) * step + 1)]
    wanted = {fields[at * step]: name for name, at in layout.positions().items()}
    between = [field for at, field in enumerate(fields) if at % step]
    nullable = {name for name, dtype in layout.dtypes.items() if dtype == "Int64"}
    types = {field: _ARROW_TYPES[layout.dtypes[name]] for field, name in wanted.items()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
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
