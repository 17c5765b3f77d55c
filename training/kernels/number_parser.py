"""Parse lines of plain numbers into columns: the inner loop of reading ratings and genome scores.

Several times as fast as pandas' C engine, because it accepts plain numbers only. Anything else (quotes, blank lines,
exponents, malformed text) it refuses, for a slower parser to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

REFUSED = -1
FULL = -2
MAX_DIGITS = 15  # a whole number of that many digits is exact in float64
# Types of the columns in this order: two ids, a value and, in some files, a time.
COLUMN_TYPES = ("int32", "int32", "float32", "int64")

_POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)
_NEWLINE, _RETURN, _QUOTE, _MINUS, _POINT, _ZERO = (np.uint64(ord(character)) for character in '\n\r"-.0')
# Unsigned indices need no check for negative ones; _NOWHERE means "refused".
_NONE, _ONE, _NINE, _MAX_DIGITS, _NOWHERE = (np.uint64(n) for n in (0, 1, 9, MAX_DIGITS, 2**64 - 1))
_VALUE = COLUMN_TYPES.index("float32")
_LIMITS = np.array([2**31, 2**31, 0, 2**63 - 1])  # of the whole numbers of each column
_NO_TIMES = np.empty(0, dtype=COLUMN_TYPES[3])


def parse_numbers(
    data: NDArray[np.uint8], separator: str, slots: NDArray[np.int64], columns: Sequence[NDArray[Any]], row: int
) -> int:
    """Parse all lines of `data` into `columns` from `row` on; return the row after the last one, REFUSED or FULL.

    `data`: (bytes,) whole lines, the last one with its line end. `separator`: one character, or one character twice.
    `slots`: (fields of a line,) column of each field, -1 for a field to skip. `columns`: arrays of COLUMN_TYPES with
    equally many rows; the last one may be missing. REFUSED: a line is not plain numbers of at most MAX_DIGITS digits,
    or one does not fit its column. FULL: there are more lines than rows. Rows from `row` on are undefined after both.
    A value is the nearest float64, rounded to float32.
    """
    if not len(data) or data[-1] != _NEWLINE:  # the loops end at line ends, not at the end of the data
        return REFUSED
    ids, other_ids, values = columns[:3]
    times = columns[3] if len(columns) > 3 else _NO_TIMES
    mark = np.uint64(ord(separator[0]))
    return int(_parse_lines(data, mark, len(separator), slots, ids, other_ids, values, times, row, _LIMITS, _POWERS))


@njit(cache=True, nogil=True)
def _parse_lines(
    data: Any, separator: Any, separators: int, slots: Any,
    ids: Any, other_ids: Any, values: Any, times: Any, row: int, limits: Any, powers: Any,
) -> int:  # fmt: skip
    # Written here, because passing the columns to another function makes the loop several times as slow.
    position, size, last_field = np.uint64(0), np.uint64(len(data)), len(slots) - 1
    whole_numbers = np.zeros(len(limits), dtype=np.int64)
    while position < size:
        if row >= len(ids):
            return FULL
        for field in range(last_field + 1):
            slot = slots[field]
            if slot < 0:
                position = _skip_field(data, position, separator)
            elif slot == _VALUE:
                position, values[row] = _decimal_number(data, position, powers)
            else:
                position, whole_numbers[slot] = _whole_number(data, position, limits[slot])
            position = _skip_separator(data, position, field == last_field, separator, separators)
            if position == _NOWHERE:
                return REFUSED
        ids[row], other_ids[row] = whole_numbers[0], whole_numbers[1]
        if len(times):
            times[row] = whole_numbers[3]
        row += 1
    return row


@njit(cache=True, nogil=True)
def _digits(data: Any, position: Any, value: Any) -> Any:
    """Return the end of the digits at `position`, and `value` with the digits appended."""
    digit = np.uint64(data[position]) - _ZERO
    while digit <= _NINE:
        value = value * 10 + np.int64(digit)
        position += _ONE
        digit = np.uint64(data[position]) - _ZERO
    return position, value


@njit(cache=True, nogil=True)
def _whole_number(data: Any, position: Any, limit: Any) -> Any:
    """Return the end of the whole number at `position`, and the number, which must be in [-limit, limit)."""
    negative = data[position] == _MINUS
    if negative:
        position += _ONE
    end, value = _digits(data, position, np.int64(0))
    if end == position or end - position > _MAX_DIGITS:
        return _NOWHERE, value
    value = -value if negative else value
    return (end if -limit <= value < limit else _NOWHERE), value


@njit(cache=True, nogil=True)
def _decimal_number(data: Any, position: Any, powers: Any) -> Any:
    """Return the end of the number at `position`, with or without decimals, and the number."""
    negative = data[position] == _MINUS
    if negative:
        position += _ONE
    end, value = _digits(data, position, np.int64(0))
    digits, decimals = end - position, np.uint64(0)
    if data[end] == _POINT:
        point = end
        end, value = _digits(data, point + _ONE, value)
        decimals = end - point - _ONE
    if digits + decimals == _NONE or digits + decimals > _MAX_DIGITS:
        return _NOWHERE, 0.0
    # both are exact, so the quotient is the correctly rounded value
    number = value / powers[decimals]
    return end, -number if negative else number


@njit(cache=True, nogil=True)
def _skip_field(data: Any, position: Any, separator: Any) -> Any:
    """Return the end of the field at `position`, which must hold no quote."""
    while data[position] != separator and data[position] != _NEWLINE and data[position] != _RETURN:
        if data[position] == _QUOTE:
            return _NOWHERE
        position += _ONE
    return position


@njit(cache=True, nogil=True)
def _skip_separator(data: Any, position: Any, is_last: bool, separator: Any, separators: int) -> Any:
    """Return the position after the separator or line end at `position`."""
    if position == _NOWHERE:
        return _NOWHERE
    if is_last:
        if data[position] == _RETURN:
            position += _ONE
        return position + _ONE if data[position] == _NEWLINE else _NOWHERE
    for _ in range(separators):
        if data[position] != separator:
            return _NOWHERE
        position += _ONE
    return position
