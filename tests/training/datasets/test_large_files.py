"""Files over several blocks: compiled parser, block borders and damaged blocks give the rows that the file holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.datasets.conftest import rating_lines
from training.datasets.quarantine import Quarantine
from training.datasets.readers import delimited, read_raw

SMALL_BLOCK = 1000


@pytest.fixture
def compiled(monkeypatch):
    """Small blocks, each of which goes through the compiled parser first."""
    monkeypatch.setattr(delimited, "_COMPILED_FROM", 1)
    monkeypatch.setattr(delimited, "_BLOCK", SMALL_BLOCK)


@pytest.mark.usefixtures("compiled")
def test_blocks_join_to_the_whole_file(raw):
    table = read_raw(raw.path, Quarantine()).ratings
    expected = [list(map(float, line.split(","))) for line in raw.lines("ratings.csv")[1:]]
    assert (raw.path / "ratings.csv").stat().st_size > 20 * SMALL_BLOCK
    assert table.lines is None
    assert table.frame.to_numpy(dtype=float).tolist() == expected
    assert [str(dtype) for dtype in table.frame.dtypes] == ["int32", "int32", "float32", "int64"]


@pytest.mark.parametrize(("title", "fast"), [("Ten 60x40 Rooms (1990)", True), ("0x10 (1990)", False)])
def test_only_a_field_that_starts_like_a_hexadecimal_number_is_read_line_by_line(raw, title, fast):
    raw.add("movies.csv", f"51,{title},Drama")
    movies = read_raw(raw.path, Quarantine()).movies
    assert movies.frame["original_title"].iloc[-1] == title
    assert (movies.lines is None) == fast  # numbers are kept for each line only by the slow parser


@pytest.mark.parametrize("number", ["0x10", "0X10", "-0x10", '"0x10"', " 0x10"])
def test_a_hexadecimal_number_is_set_aside(raw, number):
    line = raw.add("movies.csv", f"{number},Film (1990),Drama")
    quarantine = Quarantine()
    read_raw(raw.path, quarantine)
    assert [reject.line_number for reject in quarantine.rejects] == [line]


@pytest.mark.usefixtures("compiled")
def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(raw, monkeypatch):
    lines, blocks = raw.lines("ratings.csv"), delimited._blocks

    def growing(path, start):
        for count, block in enumerate(blocks(path, start)):
            if count == 0:
                with path.open("a") as file:
                    file.writelines(f"{line}\n" for line in lines[1:] * 3)
            yield block

    monkeypatch.setattr(delimited, "_blocks", growing)
    assert len(read_raw(raw.path, Quarantine()).ratings) == 4 * (len(lines) - 1)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("bad", ["broken", "1,2,3.0", "99999999999,1,3.0,5", '"1",2,3.0,5', "", "x" * 3 * SMALL_BLOCK])
def test_a_damaged_block_keeps_its_other_rows_and_line_numbers(raw, bad):
    lines = raw.lines("ratings.csv")
    raw.write("ratings.csv", *lines[:1500], bad, *lines[1500:])
    quarantine = Quarantine()
    table = read_raw(raw.path, quarantine).ratings
    sound = bad.startswith('"')
    assert len(table) == len(lines) - 1 + sound
    assert [reject.line_number for reject in quarantine.rejects] == ([] if sound or not bad else [1501])
    last = np.array([len(table) - 1])
    assert table.line_numbers(last).tolist() == [len(lines) + 1]


CELLS = st.one_of(
    st.sampled_from(["", '"', '""', '"a', '"3"', "nan", "-inf", "-1", "-0.0", "+1", " 2 ", "0x10", "1e3", "1.", ".5"]),
    st.sampled_from(["9" * 30, "1e30", "1" + "0" * 18]),
    st.sampled_from(["2.0", "\u0663", "2147483648", "1.123456789", "1_0", "1;2", "\x00", "a\rb", "a\nb"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 299), st.integers(0, 4), CELLS), max_size=4), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.usefixtures("compiled")
def test_fast_and_careful_parsers_give_the_same_of_damaged_files(raw, monkeypatch, mutations, end):
    rows = [line.split(",") for line in rating_lines()[:300]]
    for at, field, cell in mutations:
        rows[at] = [*rows[at][:field], cell, *rows[at][field + 1 :]]
    raw.write("ratings.csv", "userId,movieId,rating,timestamp", *map(",".join, rows), end=end)
    fast, set_aside = _read(raw)
    with monkeypatch.context() as patch:
        patch.setattr(delimited._NumberColumns, "parse", lambda self, block, share: None)
        careful, expected = _read(raw)
    assert set_aside == expected
    pd.testing.assert_frame_equal(fast.frame, careful.frame, check_exact=True)
    every = np.arange(len(careful))
    assert fast.line_numbers(every).tolist() == careful.line_numbers(every).tolist()


def _read(raw):
    quarantine = Quarantine()
    return read_raw(raw.path, quarantine).ratings, quarantine.rejects
