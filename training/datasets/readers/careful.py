"""The slow parser for damaged text: line by line, each row accepted or rejected for a reason."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from training.datasets.quarantine import Quarantine
from training.datasets.readers.layout import Layout

_INTEGER = re.compile(r"[+-]?0*[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf)", re.IGNORECASE)
# A quoted field may hold line ends; a stray quote must not swallow the rest of the file.
_MAX_LINES_OF_A_ROW = 4


def parse_lines(
    data: bytes, layout: Layout, path: Path, first_line: int, quarantine: Quarantine
) -> tuple[dict[str, list[Any]], list[int]]:
    """Parse delimited lines into columns and the line number of each row; bad rows go to `quarantine`.

    `first_line`: number of the first line of `data` in the file.
    """
    columns: dict[str, list[Any]] = {name: [] for name in layout.dtypes}
    numbers: list[int] = []
    converters = [(name, position, _CONVERTERS[layout.dtypes[name]]) for name, position in layout.positions().items()]
    for offset, text, fields in _rows(data, layout):
        try:
            values = _converted(fields, layout.width, converters)
        except ValueError as refusal:
            quarantine.add(path, first_line + offset, str(refusal), text)
            continue
        for name, value in values.items():
            columns[name].append(value)
        numbers.append(first_line + offset)
    return columns, numbers


def _converted(
    fields: list[str] | str, width: int, converters: list[tuple[str, int, Callable[[str], Any]]]
) -> dict[str, Any]:
    if isinstance(fields, str):  # the reason why the line could not be split
        raise ValueError(fields)
    if len(fields) != width:
        raise ValueError(f"expected {width} fields, found {len(fields)}")
    values: dict[str, Any] = {}
    for name, position, convert in converters:
        try:
            values[name] = convert(fields[position])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return values


def _rows(data: bytes, layout: Layout) -> Iterator[tuple[int, str, list[str] | str]]:
    """Yield (line offset, text, fields or the reason why there are none) of each row, skipping blank lines."""
    lines = data.split(b"\n")
    start = 0
    while start < len(lines):
        content = lines[start].rstrip(b"\r")
        count, fields = _fields(lines, start, layout) if content else (1, "")
        if content:
            yield start, content.decode("utf-8", "backslashreplace"), fields
        start += count


def _fields(lines: list[bytes], start: int, layout: Layout) -> tuple[int, list[str] | str]:
    """Return how many lines the row from `start` on takes, and its fields or the reason why it has none."""
    try:
        text = lines[start].rstrip(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return 1, "not valid UTF-8"
    if not layout.quoted or '"' not in text:
        return 1, text.split(layout.separator)
    for count in range(1, _MAX_LINES_OF_A_ROW + 1):
        joined = b"\n".join(lines[start : start + count])
        try:
            rows = list(csv.reader([joined.decode("utf-8")], delimiter=layout.separator, strict=True))
        except (csv.Error, UnicodeDecodeError):
            continue
        if len(rows) == 1 and len(rows[0]) == layout.width:
            return count, rows[0]
    return 1, "broken quoting"


def _integer(bits: int) -> Callable[[str], int]:
    low, high = np.iinfo(f"int{bits}").min, np.iinfo(f"int{bits}").max

    def convert(text: str) -> int:
        text = text.strip(" \t")
        if not _INTEGER.fullmatch(text):
            raise ValueError("expected a whole number")
        if not low <= (value := int(text)) <= high:
            raise ValueError("number out of range")
        return value

    return convert


def _number(text: str) -> float:
    text = text.strip(" \t")
    if not _NUMBER.fullmatch(text):
        raise ValueError("expected a number")
    return float(text)


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "int32": _integer(32),
    "int64": _integer(64),
    "Int64": lambda text: _integer(64)(text) if text.strip() else None,
    "float32": _number,
    "str": str,
}
