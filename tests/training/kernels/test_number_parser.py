"""The compiled parser of numbers against Python's own `int` and `float`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.kernels.number_parser import COLUMN_TYPES, FULL, REFUSED, parse_numbers

INT32 = st.integers(-(2**31), 2**31 - 1)
DECIMALS = st.decimals(-(10**6), 10**6, places=5, allow_nan=False).map(lambda number: f"{number:f}")
ROWS = st.lists(
    st.tuples(INT32, INT32, DECIMALS | st.integers(0, 99).map(str), st.integers(-(10**14), 10**14)), max_size=20
)


def parse(text, separator=",", slots=(0, 1, 2, 3), room=None, before=0):
    """Rows that the parser appends to `before` others in columns with room for so many more."""
    size = before + (len(text) if room is None else room)
    columns = [np.zeros(size, dtype=dtype) for dtype in COLUMN_TYPES[: max(slots) + 1]]
    end = parse_numbers(np.frombuffer(text, dtype=np.uint8), separator, np.array(slots), columns, before)
    return end if end < 0 else list(zip(*(column[before:end].tolist() for column in columns), strict=True))


@given(ROWS, st.sampled_from([",", "::", "\t"]), st.sampled_from(["\n", "\r\n"]), st.integers(0, 3))
@settings(max_examples=50)
def test_it_reads_what_python_reads(rows, separator, end, before):
    text = "".join(separator.join(map(str, row)) + end for row in rows).encode()
    expected = [(user, movie, float(np.float32(stars)), time) for user, movie, stars, time in rows]
    assert parse(text, separator, before=before) == (expected or REFUSED)


def test_it_says_when_there_is_no_room():
    text = b"1,2,3.5\n4,5,1.0\n"
    assert parse(text, slots=(0, 1, 2), room=1) == FULL
    assert parse(text, slots=(0, 1, 2), room=2) == [(1, 2, 3.5), (4, 5, 1.0)]


def test_a_field_may_be_passed_over():
    assert parse(b"7,some text,2.5,8\n", slots=(0, -1, 2, 1)) == [(7, 8, 2.5)]


@pytest.mark.parametrize(
    "text",
    [b"", b"1,2", b"1\n", b"1,2,3,4\n",
     b"1,2,\n", b",2,3\n", b"1,2,3\n\n", b"1 ,2,3\n", b'"1",2,3\n', b"1.5,2,3\n", b"1,2,3e3\n", b"1,2,nan\n",
     b"1,2,.\n", b"-,2,3\n", b"+1,2,3\n", b"1,2,3\r", b"1;2;3\n", b"1,2," + b"1" * 16 + b"\n",
     b"\xef\xbb\xbf1,2,3\n", b"1,2,3\x00\n", b"2147483648,2,3\n", b"1,-2147483649,3\n"],
)  # fmt: skip
def test_it_refuses_what_it_does_not_know(text):
    assert parse(text, slots=(0, 1, 2)) == REFUSED


@given(st.binary(max_size=40))
@settings(max_examples=50)
def test_it_never_reads_past_the_end(text):
    result = parse(text + b"\n")
    assert result == REFUSED or len(result) == text.count(b"\n") + 1
