"""The compiled parser of numbers against Python's own `int` and `float`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.kernels.numbers import REFUSED, parse_numbers

WHOLE = np.array([True, False])
DECIMALS = st.decimals(-(10**6), 10**6, places=5, allow_nan=False).map(lambda number: f"{number:f}")
ROWS = st.lists(st.tuples(st.integers(-(10**14), 10**14), DECIMALS | st.integers(0, 99).map(str)), max_size=20)


def parse(text, separator=",", slots=(0, 1)):
    out = np.empty((2, len(text) + 1))
    rows = parse_numbers(np.frombuffer(text, dtype=np.uint8), separator, np.array(slots), WHOLE, out)
    return REFUSED if rows == REFUSED else out[:, :rows].T.tolist()


@given(ROWS, st.sampled_from([",", "::", "\t"]), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=50)
def test_it_reads_what_python_reads(rows, separator, end):
    text = "".join(f"{whole}{separator}{decimal}{end}" for whole, decimal in rows).encode()
    expected = [[float(whole), float(decimal)] for whole, decimal in rows]
    assert parse(text, separator) == (expected or REFUSED)


def test_a_field_may_be_passed_over():
    assert parse(b"7,some text,2.5\n", slots=(0, -1, 1)) == [[7, 2.5]]


@pytest.mark.parametrize(
    "text",
    [b"", b"1,2", b"1\n", b"1,2,3\n",
     b"1,\n", b",2\n", b"1,2\n\n", b"1 ,2\n", b'"1",2\n', b"1.5,2\n", b"1,2e3\n", b"1,nan\n",
     b"1,.\n", b"-,2\n", b"+1,2\n", b"1,2\r", b"1;2\n", b"1" * 16 + b",2\n", b"\xef\xbb\xbf1,2\n", b"1,2\x00\n"],
)  # fmt: skip
def test_it_refuses_what_it_does_not_know(text):
    assert parse(text) == REFUSED


@given(st.binary(max_size=40))
@settings(max_examples=50)
def test_it_never_reads_past_the_end(text):
    result = parse(text + b"\n")
    assert result == REFUSED or len(result) == text.count(b"\n") + 1
