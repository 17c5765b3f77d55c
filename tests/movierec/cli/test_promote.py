"""`movierec train`, `compare`, `promote`, `rollback` and `diff` as people call them, on the toy model."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from movierec.cli import main
from movierec.cli.common.progress import PlainReporter
from tests.toy import save_toy
from training.registry import Tracker, register_bundle


@pytest.fixture
def movierec(mlflow_store, tmp_path):
    """Two versions of the toy model, and a way to call commands on them."""
    tracker = Tracker(mlflow_store)
    save_toy(tmp_path / "bundle")
    for _ in range(2):
        register_bundle(tmp_path / "bundle", tracker=tracker)
    return lambda *words: CliRunner().invoke(main.app, list(words))


def test_compare_promote_and_rollback(movierec):
    for version in ("1", "2"):
        done = movierec("promote", "--version", version, "--force", "--reason", "trial")
        assert done.exit_code == 0, done.exception
        assert f"Version {version} is champion. FORCED, though the gate refused it" in done.stdout
        assert "Reason kept with it: trial" in done.stdout
    rows = json.loads(movierec("compare", "--json").stdout)
    assert [(row["version"], row["alias"], row["verdict"]) for row in rows] == [
        (2, "champion", "forced"),
        (1, "reference", "forced"),
    ]
    assert movierec("rollback").stdout == "Version 1 is champion again.\n"


def test_promotion_and_rollback_answer_scripts_in_json(movierec):
    for version in (1, 2):
        done = movierec("promote", "--version", str(version), "--force", "--reason", "trial", "--json")
        answer = json.loads(done.stdout)
        assert (answer["version"], answer["promoted"]) == (version, True)
        assert answer["summary"]
    assert json.loads(movierec("rollback", "--json").stdout) == {"version": 1}


def test_a_refused_promotion_says_so_in_json_and_ends_with_3(movierec):
    done = movierec("promote", "--version", "1", "--json")
    answer = json.loads(done.stdout)
    assert (answer["version"], answer["promoted"]) == (1, False)
    assert answer["summary"].startswith("refuse: Version 1 must beat popularity")
    assert done.exception.exit_code == 3


def test_diff_of_equal_versions_finds_nothing(movierec):
    done = movierec("diff", "1", "2", "--titles", "Star Voyage", "--users", "3", "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert [(each["subject"], each["similarity"]) for each in found["titles"]] == [("Star Voyage (1977)", 1.0)]
    assert found["mean_people_similarity"] == pytest.approx(1.0)
    assert len(found["people"]) == 3
    assert "Whose lists change most:" in movierec("diff", "1", "2").stdout


def test_diff_takes_several_titles_after_one_option(movierec):
    done = movierec("diff", "1", "2", "--titles", "Star Voyage", "Robot Summer", "--users", "3", "--json")
    assert [each["subject"] for each in json.loads(done.stdout)["titles"]] == [
        "Star Voyage (1977)",
        "Robot Summer (1991)",
    ]


def test_an_unknown_version_and_an_unknown_algorithm_are_wrong_usage(movierec):
    assert movierec("promote", "--version", "9", "--force", "--reason", "x").exception.exit_code == 2
    assert movierec("evaluate", "--model", "nothing").exception.exit_code == 2


def test_plain_progress_tells_of_stages_that_took_a_while(capsys):
    now = 0.0
    reporter = PlainReporter(lambda: now)
    for what, until in (("short", 1.0), ("long", 61.0)):
        reporter.report(what, 0.0)
        now = until - 20
        reporter.report(what, 0.5)
        now = until
        reporter.report(what, 1.0)
    assert capsys.readouterr().err.splitlines() == ["long: 50%, about 40 s left", "long: done in 60.0 s"]
