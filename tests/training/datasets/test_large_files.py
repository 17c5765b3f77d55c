"""Files over several blocks: compiled parser, block borders and damaged blocks give the rows that the file holds."""

from __future__ import annotations

import numpy as np
import pytest

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


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("bad", ["broken", "1,2,3.0", "99999999999,1,3.0,5", '"1",2,3.0,5', "", "x" * 3 * SMALL_BLOCK])
def test_a_damaged_block_keeps_its_other_rows_and_line_numbers(raw, bad):
    lines = raw.lines("ratings.csv")
    raw.write("ratings.csv", *lines[:1500], bad, *lines[1500:])
    quarantine = Quarantine()
    table = read_raw(raw.path, quarantine).ratings
    sound = bad.startswith('"')
    assert len(table) == len(lines) - 1 + sound
    assert [reject.line for reject in quarantine.rejects] == ([] if sound or not bad else [1501])
    last = np.array([len(table) - 1])
    assert table.line_numbers(last).tolist() == [len(lines) + 1]
