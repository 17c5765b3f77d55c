"""The short forms of `movierec bench loop`: no acknowledged event is lost, and events train as files do."""

from __future__ import annotations

from pathlib import Path

from benchmarks.online.event_faults import kills, replay
from tests.toy import save_toy


def test_events_survive_kills_of_workers_and_writer(tmp_path: Path) -> None:
    save_toy(tmp_path / "bundle")
    assert [figure.passed for figure in kills(tmp_path, tmp_path / "bundle", rounds=4)] == [True, True]


def test_the_last_fifth_of_the_ratings_as_events_gives_the_matrix_of_the_files(tmp_path: Path) -> None:
    save_toy(tmp_path / "bundle")
    assert [figure.passed for figure in replay(tmp_path, tmp_path / "bundle")] == [True, True]
