"""Commands use a data set as it was prepared last, and say what changed of its inputs since."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from movierec.cli import demo, main
from movierec.cli.common.inputs import load_or_prepare
from movierec.cli.common.progress import Stages
from recommender.errors import MissingInputError
from tests.training.datasets.conftest import RawDirectory
from training.datasets.stored.manifest import MANIFEST

NAME = "my-films"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's directory with raw files, film credits and a tag genome, none of them where movierec looks by itself."""
    RawDirectory(tmp_path / "films")
    films = range(1, 51)
    (tmp_path / "credits.csv").write_text("movieId,directors,actors\n" + "".join(f"{m},Ann Lee,Bo\n" for m in films))
    (tmp_path / "genome").mkdir()
    (tmp_path / "genome" / "genome-tags.csv").write_text("tagId,tag\n1,funny\n2,dark\n")
    scores = [f"{film},{tag},{(film + tag) % 2}" for film in films for tag in (1, 2)]
    (tmp_path / "genome" / "genome-scores.csv").write_text("\n".join(["movieId,tagId,relevance", *scores]) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIEREC_HOME", raising=False)
    return tmp_path


@pytest.fixture
def movierec(home):
    def run(*words):
        done = CliRunner().invoke(main.app, list(words))
        assert done.exit_code == 0, done.exception
        return done

    return run


@pytest.fixture
def prepared(movierec):
    movierec("data", "prepare", NAME, "--raw", "films", "--credits", "credits.csv", "--genome", "genome")


def coverage(dataset):
    snapshot = dataset.snapshot()
    return snapshot["credit_coverage"], snapshot["genome_coverage"]


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("use", [load_or_prepare, lambda name: demo._prepare(name, {}, Stages(Path("status.json")))])
def test_prepared_data_is_used_with_its_credits_and_genome(use, capsys):
    assert coverage(use(NAME)) == coverage(use(NAME)) == (1.0, 1.0)
    assert "changed since" not in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_the_demo_takes_credits_and_genome_itself(home):
    inputs = {"raw": home / "films", "credits": home / "credits.csv", "genome": home / "genome"}
    dataset = demo._prepare(NAME, inputs, Stages(home / "status.json"))
    assert coverage(dataset) == (1.0, 1.0)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("changed", ["films/ratings.csv", "credits.csv", "genome/genome-scores.csv", "films/tags.csv"])
def test_a_changed_input_is_said_with_the_command_that_takes_it(home, changed, movierec, capsys, monkeypatch):
    before = load_or_prepare(NAME)
    capsys.readouterr()
    lines = {"credits.csv": "1,Ann Lee,Cy\n", "films/tags.csv": "userId,movieId,tag,timestamp\n1,1,odd,1000000000\n"}
    with (home / changed).open("a") as file:
        file.write(lines.get(changed, "\n"))
    assert load_or_prepare(NAME).fingerprint == before.fingerprint
    said = capsys.readouterr().err
    assert str(home / changed) in said
    command = shlex.split(said.partition("To take that in: ")[2])
    assert command[0] == "movierec"
    monkeypatch.chdir(home.parent)  # its paths do not depend on where it is called
    monkeypatch.setenv("MOVIEREC_HOME", str(home))
    movierec(*command[1:])
    after = load_or_prepare(NAME)
    assert after.fingerprint != before.fingerprint
    assert coverage(after) == (1.0, 1.0)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("prepared")
def test_files_that_only_have_another_time_have_not_changed(home, capsys):
    (home / "films/ratings.csv").touch()
    load_or_prepare(NAME)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("prepared")
def test_data_stay_usable_without_their_raw_files(home, capsys):
    (home / "films").rename(home / "elsewhere")
    assert coverage(load_or_prepare(NAME)) == (1.0, 1.0)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("old", [{"format": 3, "preparation": None}, {"pandas": "1.0.0"}])
def test_data_of_an_old_form_name_the_command_that_renews_them(home, old):
    path = home / "data/processed" / NAME / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | old), "utf-8")
    done = CliRunner().invoke(main.app, ["train", "popularity", "--dataset", NAME])
    assert isinstance(done.exception, MissingInputError)
    inputs = "" if "format" in old else f" --raw {home}/films --credits {home}/credits.csv --genome {home}/genome"
    assert f"Run `movierec data prepare {NAME}{inputs}` again" in str(done.exception)


def test_what_was_left_out_stands_in_the_table_in_json_and_in_the_last_line(home, movierec, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    with (home / "films/ratings.csv").open("a") as file:
        file.write("".join(f"{user},1,9,1000000000\n" for user in range(1001, 1041)) + "1,1,2,1500000000\n")
    table = movierec("data", "prepare", "tens", "--raw", "films", "--max-bad-share", "1").stdout
    reason = "ratings.csv: rating is outside the scale"
    assert f"dropped: {reason}" in table
    last = table.splitlines()[-1]
    assert last.startswith(f"Left out 41 rows: 40 for {reason}; 1 for ratings that a later one replaces.")
    assert last.endswith("data/processed/tens/quarantine.csv has each rejected row.")
    for words in (("data", "prepare", "tens", "--raw", "films", "--max-bad-share", "1"), ("data", "describe", "tens")):
        snapshot = json.loads(movierec(*words, "--json").stdout)
        assert snapshot["dropped_rows"] == 41
        assert snapshot["dropped"] == {reason: 40, "ratings that a later one replaces": 1}


@pytest.mark.usefixtures("prepared")
def test_that_nothing_was_left_out_is_said_too(movierec):
    assert movierec("data", "describe", NAME).stdout.splitlines()[-1] == "No row was left out."
    assert json.loads(movierec("data", "describe", NAME, "--json").stdout)["dropped_rows"] == 0
