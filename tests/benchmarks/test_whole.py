"""`movierec bench whole` continues from its record."""

from __future__ import annotations

import pytest

from benchmarks import whole
from recommender.errors import MovierecError


def test_a_run_continues_with_the_stage_that_did_not_end(tmp_path, monkeypatch):
    document, seconds = tmp_path / "document.json", tmp_path / "seconds.json"
    seconds.write_text("1000000000")
    stages = {
        "prepare": lambda: ["json.tool", "--help"],
        "train all": lambda: ["json.tool", str(document)],  # fails while there is none
        "files to bundle": lambda: ["json.tool", str(seconds)],
    }
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path))
    monkeypatch.setattr(whole, "twin", lambda size: tmp_path / "synthetic-twin-9")
    monkeypatch.setattr(whole, "_stages", lambda root, raw, size: stages)
    monkeypatch.setattr(whole, "_newest", lambda root: 4)

    with pytest.raises(MovierecError, match=r"json\.tool .*document\.json ended with 2: .*No such file"):
        whole.run(size=1, rounds=1)
    document.write_text('{"rows": 3}')
    figures = {figure.figure: figure for figure in whole.run(size=1, rounds=1)}
    assert "1 attempts" in figures["whole: prepare, s"].note
    assert "2 attempts; }" in figures["whole: train all, s"].note
    assert figures["whole: a registered model against files to bundle"].passed

    assert whole.run(size=1, rounds=1) == list(figures.values())  # everything is done
