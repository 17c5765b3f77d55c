"""Lines of plain numbers to columns: the inner loop of reading ratings and genome scores.

Several times as fast as pandas' C engine, because it knows what it reads. What it does not know (quotes, blank lines,
exponents, anything malformed) it refuses, for a slower parser to look at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

REFUSED = -1
MAX_DIGITS = 15  # a whole number of that many digits is exact in float64

_POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)
_NEWLINE, _RETURN, _QUOTE, _MINUS, _POINT, _ZERO = (np.uint64(ord(character)) for character in '\n\r"-.0')
# Unsigned indices spare the check for negative ones; this one stands for "refused".
_NONE, _ONE, _NINE, _MAX_DIGITS, _NOWHERE = (np.uint64(n) for n in (0, 1, 9, MAX_DIGITS, 2**64 - 1))


def parse_numbers(
    data: NDArray[np.uint8],
    separator: str,
    slots: NDArray[np.int64],
    whole: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> int:
    """Parse all lines of `data` into `out` and return their number, or REFUSED.

    `data`: (bytes,) whole lines, the last one with its line end. `separator`: one character, or one character twice.
    `slots`: (fields of a line,) row of `out` for each field, -1 for a field to pass over. `whole`: (rows of out,) True
    where only whole numbers may stand. `out`: (columns, capacity); each value has at most MAX_DIGITS digits and is the
    nearest float64.
    """
    if not len(data) or data[-1] != _NEWLINE:  # the loops end at line ends, not at the end of the data
        return REFUSED
    return int(_parse_lines(data, np.uint64(ord(separator[0])), len(separator), slots, whole, out, _POWERS))


@njit(cache=True, nogil=True)
def _parse_lines(data: Any, separator: Any, separators: int, slots: Any, whole: Any, out: Any, powers: Any) -> int:
    at, size, row, last = np.uint64(0), np.uint64(len(data)), 0, len(slots) - 1
    while at < size:
        if row >= out.shape[1]:
            return REFUSED
        for field in range(last + 1):
            slot = slots[field]
            if slot < 0:
                at = _pass_over(data, at, separator)
            elif whole[slot]:
                at = _whole_number(data, at, out, slot, row)
            else:
                at = _decimal_number(data, at, out, slot, row, powers)
            if at == _NOWHERE:
                return REFUSED
            at = _next_line(data, at) if field == last else _next_field(data, at, separator, separators)
            if at == _NOWHERE:
                return REFUSED
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
def _whole_number(data: Any, at: Any, out: Any, slot: int, row: int) -> Any:
    """Parse one whole number into out[slot, row]; returns where it ends."""
    negative = data[at] == _MINUS
    if negative:
        at += _ONE
    end, value = _digits(data, at, np.int64(0))
    if end == at or end - at > _MAX_DIGITS:
        return _NOWHERE
    out[slot, row] = -value if negative else value
    return end


@njit(cache=True, nogil=True)
def _decimal_number(data: Any, at: Any, out: Any, slot: int, row: int, powers: Any) -> Any:
    """Parse one number, with or without decimals, into out[slot, row]; returns where it ends."""
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
        return _NOWHERE
    # both are exact, so the quotient is the correctly rounded value
    number = value / powers[decimals]
    out[slot, row] = -number if negative else number
    return end


@njit(cache=True, nogil=True)
def _pass_over(data: Any, at: Any, separator: Any) -> Any:
    """End of the field at `at`, which must hold no quote."""
    while data[at] != separator and data[at] != _NEWLINE and data[at] != _RETURN:
        if data[at] == _QUOTE:
            return _NOWHERE
        at += _ONE
    return at


@njit(cache=True, nogil=True)
def _next_field(data: Any, at: Any, separator: Any, separators: int) -> Any:
    for _ in range(separators):
        if data[at] != separator:
            return _NOWHERE
        at += _ONE
    return at


@njit(cache=True, nogil=True)
def _next_line(data: Any, at: Any) -> Any:
    if data[at] == _RETURN:
        at += _ONE
    return at + _ONE if data[at] == _NEWLINE else _NOWHERE
