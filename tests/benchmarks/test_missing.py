"""Neighbours with a genome of few films, on real data."""

from __future__ import annotations

import os

import pytest

from benchmarks import missing
from recommender.errors import MissingInputError


@pytest.mark.skipif("MOVIEREC_REAL_DATA" not in os.environ, reason="MOVIEREC_REAL_DATA names no real MovieLens files")
def test_neighbours_stay_and_those_with_a_genome_agree_better():
    figures = missing.run(size=1, rounds=1)
    assert [figure.figure for figure in figures if figure.passed is False] == []
    assert sum(figure.passed is True for figure in figures) == 4
    shown = {figure.figure: figure for figure in figures if missing.SHOWN in figure.figure}
    assert len(shown) == 4
    # the genome's few films do not take the place of films that nothing is known to be wrong with
    assert max(figure.ratio for figure in shown.values()) <= missing.LENGTH / 2


def test_real_files_that_are_not_there_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MOVIEREC_REAL_DATA", str(tmp_path))
    with pytest.raises(MissingInputError, match="ml-latest-small"):
        missing.run(size=1, rounds=1)
