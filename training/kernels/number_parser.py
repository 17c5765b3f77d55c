"""Lines of plain numbers to columns: the inner loop of reading ratings and genome scores.

Several times as fast as pandas' C engine, because it knows what it reads. What it does not know (quotes, blank lines,
exponents, anything malformed) it refuses, for a slower parser to look at.
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
# What the columns of a file of numbers hold, in this order: two ids, a value and, in some files, a time.
COLUMN_TYPES = ("int32", "int32", "float32", "int64")

_POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)
_NEWLINE, _RETURN, _QUOTE, _MINUS, _POINT, _ZERO = (np.uint64(ord(character)) for character in '\n\r"-.0')
# Unsigned indices spare the check for negative ones; this one stands for "refused".
_NONE, _ONE, _NINE, _MAX_DIGITS, _NOWHERE = (np.uint64(n) for n in (0, 1, 9, MAX_DIGITS, 2**64 - 1))
_VALUE = COLUMN_TYPES.index("float32")
_LIMITS = np.array([2**31, 2**31, 0, 2**63 - 1])  # of the whole numbers of each column
_NO_TIMES = np.empty(0, dtype=COLUMN_TYPES[3])


def parse_numbers(
    data: NDArray[np.uint8], separator: str, slots: NDArray[np.int64], columns: Sequence[NDArray[Any]], row: int
) -> int:
    """Parse all lines of `data` into `columns` from `row` on; gives the row after the last one, REFUSED or FULL.

    `data`: (bytes,) whole lines, the last one with its line end. `separator`: one character, or one character twice.
    `slots`: (fields of a line,) column of each field, -1 for a field to pass over. `columns`: arrays of COLUMN_TYPES,
    which have equally many rows; the last one may be missing. What stands from `row` on is undefined after REFUSED (a
    line is not plain numbers of at most MAX_DIGITS digits, or one does not fit its column) and FULL (more lines than
    room). A value is the nearest float64, rounded to float32.
    """
    if not len(data) or data[-1] != _NEWLINE:  # the loops end at line ends, not at the end of the data
        return REFUSED
    ids, others, values = columns[:3]
    times = columns[3] if len(columns) > 3 else _NO_TIMES
    mark = np.uint64(ord(separator[0]))
    return int(_parse_lines(data, mark, len(separator), slots, ids, others, values, times, row, _LIMITS, _POWERS))


@njit(cache=True, nogil=True)
def _parse_lines(
    data: Any, separator: Any, separators: int, slots: Any,
    ids: Any, others: Any, values: Any, times: Any, row: int, limits: Any, powers: Any,
) -> int:  # fmt: skip
    # The columns must be written here: handing them to another function makes the loop several times as slow.
    at, size, last, whole = np.uint64(0), np.uint64(len(data)), len(slots) - 1, np.zeros(len(limits), dtype=np.int64)
    while at < size:
        if row >= len(ids):
            return FULL
        for field in range(last + 1):
            slot = slots[field]
            if slot < 0:
                at = _pass_over(data, at, separator)
            elif slot == _VALUE:
                at, values[row] = _decimal_number(data, at, powers)
            else:
                at, whole[slot] = _whole_number(data, at, limits[slot])
            at = _past_field(data, at, field == last, separator, separators)
            if at == _NOWHERE:
                return REFUSED
        ids[row], others[row] = whole[0], whole[1]
        if len(times):
            times[row] = whole[3]
        row += 1
    return row


@njit(cache=True, nogil=True)
def _digits(data: Any, at: Any, value: Any) -> Any:
    """Where the digits at `at` end, and `value` with them appended."""
    digit = np.uint64(data[at]) - _ZERO
    while digit <= _NINE:
        value = value * 10 + np.int64(digit)
        at += _ONE
        digit = np.uint64(data[at]) - _ZERO
    return at, value


@njit(cache=True, nogil=True)
def _whole_number(data: Any, at: Any, limit: Any) -> Any:
    """Where the whole number at `at` ends, and the number, which must be in [-limit, limit)."""
    negative = data[at] == _MINUS
    if negative:
        at += _ONE
    end, value = _digits(data, at, np.int64(0))
    if end == at or end - at > _MAX_DIGITS:
        return _NOWHERE, value
    value = -value if negative else value
    return (end if -limit <= value < limit else _NOWHERE), value


@njit(cache=True, nogil=True)
def _decimal_number(data: Any, at: Any, powers: Any) -> Any:
    """Where the number at `at`, with or without decimals, ends, and the number."""
    negative = data[at] == _MINUS
    if negative:
        at += _ONE
    end, value = _digits(data, at, np.int64(0))
    digits, decimals = end - at, np.uint64(0)
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
def _pass_over(data: Any, at: Any, separator: Any) -> Any:
    """End of the field at `at`, which must hold no quote."""
    while data[at] != separator and data[at] != _NEWLINE and data[at] != _RETURN:
        if data[at] == _QUOTE:
            return _NOWHERE
        at += _ONE
    return at


@njit(cache=True, nogil=True)
def _past_field(data: Any, at: Any, is_last: bool, separator: Any, separators: int) -> Any:
    """Just past the separator or line end at `at`."""
    if at == _NOWHERE:
        return _NOWHERE
    if is_last:
        if data[at] == _RETURN:
            at += _ONE
        return at + _ONE if data[at] == _NEWLINE else _NOWHERE
    for _ in range(separators):
        if data[at] != separator:
            return _NOWHERE
        at += _ONE
    return at
