"""Read delimited text into typed tables: fast parsers for sound blocks, a careful one for damaged blocks.

A block that the fast parsers refuse, or in which they find another number of rows than lines (a stray quote swallows
lines silently), is read again line by line. All parsers give the same rows for sound text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from recommender.schema import TIMESTAMP
from training.datasets.quarantine import Quarantine
from training.datasets.readers import times
from training.datasets.readers.careful import parse_lines
from training.datasets.readers.layout import BOM, Layout, require_content
from training.datasets.tables import UTF_8, Table

_BLOCK = 8 << 20
_COMPILED_FROM = 1 << 20  # bytes: below, loading the compiled parser takes longer than it saves
_NEWLINE = 10
_TAIL = 1 << 12
_SNIFFED, _SNIFFED_LINES = 1 << 16, 100  # bytes and lines from which the form of a file is told
_GROWTH = 1.02  # a file's later rows are about as long as its first ones
_ARROW_TYPES = {"Int64": pa.int64(), "str": pa.string()}  # the others have the same name

Columns = dict[str, NDArray[Any]]


def read_numbers(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """Read a file of numbers, of any size, block by block into arrays; times may also be dates by ISO 8601."""
    require_content(path)
    full_layout = layout
    layout, first_line, start, lines = _past_header(path, layout)
    if TIMESTAMP in layout.dtypes and times.are_texts(_values(lines, layout, TIMESTAMP)):
        table = read_text(path, replace(full_layout, dtypes={**full_layout.dtypes, TIMESTAMP: "str"}), quarantine)
        return replace(table, frame=table.frame.assign(**{TIMESTAMP: times.seconds_of_texts(table.frame[TIMESTAMP])}))
    columns, line_number = _NumberColumns(layout), first_line
    line_numbers: list[Sequence[int]] = []  # of the rows of each block; ranges as long as no line was skipped
    for block, share_read in _blocks(path, start):
        if (count := columns.parse(block, share_read)) is not None:
            line_numbers.append(range(line_number, line_number + count))
            line_number += count
        else:
            values, numbers = parse_lines(block.tobytes(), layout, path, line_number, quarantine)
            columns.add(values, share_read)
            line_numbers.append(numbers)
            line_number += _lines_in(block)
    arrays = columns.finished()
    if TIMESTAMP in arrays:
        times.whole_seconds(arrays[TIMESTAMP])
    frame = _completed(pd.DataFrame(arrays, copy=False), full_layout)
    has_gaps = any(isinstance(numbers, list) for numbers in line_numbers)
    row_lines = np.concatenate([np.array(numbers, dtype=np.int64) for numbers in line_numbers]) if has_gaps else None
    return Table(frame, path, first_line, row_lines)


def read_text(path: Path, layout: Layout, quarantine: Quarantine) -> Table:
    """Read a file with text columns (titles, tags) in one piece."""
    require_content(path)
    full_layout = layout
    layout, first_line, start, _ = _past_header(path, layout)
    data, encoding = _as_utf8(path.read_bytes()[start:], legacy=layout.legacy)
    if (parsed := _parse_with_arrow(data, layout)) is not None:
        frame = parsed.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get).astype(dict(layout.dtypes))
        return Table(_completed(frame, full_layout), path, first_line, encoding=encoding)
    values, numbers = parse_lines(data, layout, path, first_line, quarantine)
    frame = pd.DataFrame({name: pd.Series(values[name], dtype=dtype) for name, dtype in layout.dtypes.items()})
    return Table(_completed(frame, full_layout), path, first_line, np.array(numbers, dtype=np.int64), encoding)


def _completed(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return `frame` with all columns of `layout` in their order; those that the file lacks have one value."""
    missing = {name: value for name, value in layout.optional.items() if name in layout.dtypes and name not in frame}
    for name, value in missing.items():
        frame[name] = pd.Series(value, index=frame.index, dtype=layout.dtypes[name])
    return frame[list(layout.dtypes)] if missing else frame


def _values(lines: Sequence[bytes], layout: Layout, column: str) -> list[str]:
    """Return the field of `column` in each of these lines of data that have it."""
    place, mark = layout.positions()[column], layout.separator
    rows = (line.decode("utf-8", "replace").rstrip("\r\n").split(mark) for line in lines)
    return [row[place].strip(' "') for row in rows if len(row) == layout.width]


class _NumberColumns:
    """Columns of numbers that grow in place to the size extrapolated from the share of the file read so far."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._columns: Columns = {name: np.empty(0, dtype=dtype) for name, dtype in layout.dtypes.items()}
        self._slots = np.full(layout.width, -1, dtype=np.int64)
        self._slots[list(layout.positions().values())] = np.arange(len(layout.dtypes))
        self._rows = 0

    def parse(self, block: NDArray[np.uint8], share_read: float) -> int | None:
        """Append the rows of a block and return their number, or None if the careful parser must read it.

        `share_read`: share of the file read, this block included.
        """
        if len(block) >= _COMPILED_FROM and (count := self._parse_compiled(block, share_read)) is not None:
            return count
        table = _parse_with_arrow(block.tobytes(), self._layout)
        if table is None:
            return None
        self.add({name: table[name].to_numpy() for name in self._columns}, share_read)
        return int(table.num_rows)

    def _parse_compiled(self, block: NDArray[np.uint8], share_read: float) -> int | None:
        from training.kernels import number_parser

        assert tuple(self._layout.dtypes.values()) == number_parser.COLUMN_TYPES[: len(self._columns)]
        while True:  # again if there was too little room
            columns, first_row = list(self._columns.values()), self._rows
            end = number_parser.parse_numbers(block, self._layout.separator, self._slots, columns, first_row)
            if end == number_parser.REFUSED:
                return None
            if end != number_parser.FULL:
                self._rows = end
                return end - first_row
            self._make_room(_lines_in(block), share_read)

    def add(self, new_rows: Mapping[str, Sequence[float] | NDArray[Any]], share_read: float) -> None:
        """Append rows, as column name -> values; `share_read`: share of the file read so far."""
        count = len(next(iter(new_rows.values())))
        self._make_room(count, share_read)
        for name, column in self._columns.items():
            column[self._rows : self._rows + count] = new_rows[name]
        self._rows += count

    def _make_room(self, count: int, share_read: float) -> None:
        needed = self._rows + count
        for name, column in list(self._columns.items()):
            if len(column) < needed:
                size = max(needed, int(needed / share_read * _GROWTH) + 1)  # a file that grows gives shares above 1
                if len(column):
                    column.resize(size, refcheck=False)
                else:  # `resize` would fill it with zeros
                    self._columns[name] = np.empty(size, dtype=column.dtype)

    def finished(self) -> Columns:
        """Return the columns, cut to the number of rows."""
        for column in self._columns.values():
            column.resize(self._rows, refcheck=False)
        return self._columns


def _past_header(path: Path, layout: Layout) -> tuple[Layout, int, int, list[bytes]]:
    """Return the layout resolved by the header, number and offset in bytes of the first line of data, and its lines."""
    with path.open("rb") as file:
        lines = file.readlines(_SNIFFED)[:_SNIFFED_LINES]
    layout = layout.resolved(path, lines)
    if layout.has_header:
        return layout, 2, len(lines[0]), lines[1:]
    return layout, 1, len(BOM) if lines[0].startswith(BOM) else 0, lines


def _blocks(path: Path, start: int) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield blocks of whole lines with the share of the file read; a block is valid until the next one."""
    buffer, carried, bytes_read, size = np.empty(_BLOCK, dtype=np.uint8), 0, start, path.stat().st_size
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while count := file.readinto(buffer[carried:].data):
            filled = carried + count
            end = _last_line_end(buffer[:filled])
            if end == 0:  # a line as long as the buffer
                buffer, carried = np.concatenate([buffer[:filled], np.empty(_BLOCK, dtype=np.uint8)]), filled
                continue
            bytes_read += count
            yield buffer[:end], (bytes_read - (filled - end)) / size
            carried = filled - end
            buffer[:carried] = buffer[end:filled].copy()
    if carried:
        yield buffer[:carried], 1.0


def _last_line_end(data: NDArray[np.uint8]) -> int:
    """Return the position after the last line end, 0 if there is none."""
    for stop in range(len(data), 0, -_TAIL):
        start = max(stop - _TAIL, 0)
        if (end := data[start:stop].tobytes().rfind(b"\n")) >= 0:
            return start + end + 1
    return 0


def _lines_in(block: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(block == _NEWLINE)) + int(len(block) > 0 and block[-1] != _NEWLINE)


def _parse_with_arrow(data: bytes, layout: Layout) -> pa.Table | None:
    """Return the layout's columns of `data`, or None if the careful parser must read it."""
    if _may_hold_hexadecimal(data, layout.separator):
        return None
    step = len(layout.separator)  # "::" is read as ":" with an empty field between any two
    fields = [f"field {number}" for number in range((layout.width - 1) * step + 1)]
    names_by_field = {fields[number * step]: name for name, number in layout.positions().items()}
    between = [field for number, field in enumerate(fields) if number % step]
    nullable = {name for name, dtype in layout.dtypes.items() if dtype == "Int64"}
    types = {
        field: _ARROW_TYPES.get(dtype := layout.dtypes[name]) or pa.type_for_alias(dtype)
        for field, name in names_by_field.items()
    }
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
                include_columns=[*names_by_field, *between],
                null_values=[""] if nullable or between else [],
            ),
        )
    except pa.ArrowInvalid:
        return None
    table = table.select(list(names_by_field)).rename_columns(list(names_by_field.values()))
    missing = any(table[name].null_count for name in layout.dtypes if name not in nullable)
    return None if missing or table.num_rows != _lines_in(np.frombuffer(data, dtype=np.uint8)) else table


def _may_hold_hexadecimal(data: bytes, separator: str) -> bool:
    """Return whether a field starts like "0x10", which Arrow reads as 16; "60x40" inside a title is harmless."""
    if b"0x" not in data and b"0X" not in data:  # many times as fast as the pattern
        return False
    mark = separator[0].encode()
    blanks = b' \t"'.replace(mark, b"")
    return re.search(rb"(?:\A|[\r\n" + mark + rb"])[" + blanks + rb"]*[-+]?0[xX]", data) is not None


def _as_utf8(data: bytes, *, legacy: bool) -> tuple[bytes, str]:
    """Return text as UTF-8 and the encoding it had: latin-1 if nothing but ASCII in it is valid UTF-8.

    `legacy`: latin-1 also if some of it is valid UTF-8.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if legacy or data.decode("utf-8", "ignore").isascii():
            return data.decode("latin-1").encode("utf-8"), "latin-1"
    return data, UTF_8
