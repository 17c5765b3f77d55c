"""A published split as files: judged, and tuned on its validation part, by command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from movierec.cli import main
from tests.training.small import small_dataset
from training.splits.protocol import load_protocol

PEOPLE, FILMS = 40, 30


@pytest.fixture
def split(tmp_path):
    """Options that name the three files of a split of two tastes."""
    rng = np.random.default_rng(0)
    lines: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for person in range(PEOPLE):
        own = rng.permutation(np.flatnonzero(np.arange(FILMS) % 2 == person % 2))
        for part, films in (("train", own[:8]), ("valid", own[8:10]), ("test", own[10:12])):
            lines[part] += [f"{person},{film},5,0" for film in films]
    for part, rows in lines.items():
        (tmp_path / f"{part}.csv").write_text("\n".join(rows) + "\n")
    return [word for part in lines for word in (f"--{part}", str(tmp_path / f"{part}.csv"))]


@pytest.fixture
def movierec(mlflow_store):
    return lambda *words: CliRunner().invoke(main.app, list(words))


def test_models_are_judged_by_its_test_part(movierec, split):
    done = movierec("evaluate", "--protocol", "files", "--model", "popularity", "--model", "ease", *split, "--json")
    assert done.exit_code == 0, done.exception
    popularity, ease = (
        {metric["name"]: metric["value"] for metric in json.loads(line)["metrics"]} for line in done.stdout.splitlines()
    )
    assert ease["recall_at_10"] > 1.5 * popularity["recall_at_10"]


def test_parameters_are_searched_on_its_validation_part(movierec, split):
    words = ["tune", "ease", "--protocol", "files", "--trials", "2", "--json"]
    done = movierec(*words, *split)
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["trials"] == 2
    assert found["value"] > 0
    without = movierec(*words, *split[:2], *split[4:])  # a validation part is cut from the training file
    assert without.exit_code == 0, without.exception
    assert json.loads(without.stdout)["value"] != found["value"]


def test_figures_say_the_lengths_and_choices_that_they_were_made_by(movierec, split, tmp_path):
    for part in ("train", "valid", "test"):
        rows = [line.split(",")[:2] for line in (tmp_path / f"{part}.csv").read_text().splitlines()]
        np.save(tmp_path / f"{part}.npy", np.array(rows, dtype=np.int64))
    arrays = [word.replace(".csv", ".npy") for word in split]
    words = ["evaluate", "--protocol", "files", "--model", "ease", "--k", "3", "5", "--json"]
    plain, refitted = (
        json.loads(done.stdout)
        for done in (movierec(*words, *arrays), movierec(*words, "--refit-with-valid", "--order-is-time", *arrays))
    )
    assert "order_is_time" not in plain
    assert (refitted["order_is_time"], refitted["refit_with_valid"]) == (True, True)
    first, second = ({metric["name"]: metric["value"] for metric in done["metrics"]} for done in (plain, refitted))
    assert {"recall_at_3", "recall_at_5"} <= first.keys()
    assert "recall_at_10" not in first
    assert first["recall_at_5"] != second["recall_at_5"]
    dated = movierec(*words, "--order-is-time", *split[:2], "--test", str(dated_file(tmp_path)))
    assert "leave it out" in str(dated.exception)


def dated_file(folder):
    (folder / "dated.csv").write_text("0,1,5,978300760\n")
    return folder / "dated.csv"


@pytest.mark.parametrize(
    "given", [["--train"], ["--test"], ["--valid"], ["--mask", "train+valid"], ["--refit-with-valid"]]
)
def test_a_split_given_in_part_is_not_passed_over(movierec, split, given):
    files = dict(zip(split[::2], split[1::2], strict=True))
    words = [*given, files[given[0]]] if given[0] in files else given
    done = movierec("evaluate", "--model", "popularity", *words)
    assert done.exception.exit_code == 2
    assert "give --train FILE and --test FILE" in str(done.exception)


def test_figures_by_latest_ratings_stand_by_how_long_people_were_away(movierec, monkeypatch):
    monkeypatch.setattr("movierec.cli.train.evaluation_inputs", lambda name, *_: (load_protocol(name), small_dataset()))
    done = movierec("evaluate", "--protocol", "latest20", "--model", "popularity", "--model", "als")
    assert done.exit_code == 0, done.exception
    assert "ndcg_at_10 by the time from the last training rating" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if "under 6 hours" in line]
    assert [cell for cell in rows[0] if cell.isdigit()] == ["6", "80"]


def test_lists_of_any_origin_are_scored(movierec, tmp_path):
    for name, text in {"lists": "1 7 8\n2 9 7\n", "train": "1,7\n", "test": "1,8\n2,9\n"}.items():
        (tmp_path / name).write_text(text)
    words = ["score", "--lists", str(tmp_path / "lists"), "--test", str(tmp_path / "test"), "--k", "1", "2"]
    records = [json.loads(line) for line in movierec(*words, "--json").stdout.splitlines()]
    hits = {record["k"]: record["value"] for record in records if record["metric"] == "hit rate"}
    assert hits == {1: 0.5, 2: 1.0}
    table = movierec(*words, "--train", str(tmp_path / "train")).stdout
    assert "train items removed" in table
    assert "RecTools" in table
    predictions = movierec("score", "--predictions", str(tmp_path / "test"), "--test", str(tmp_path / "test"), "--json")
    assert [json.loads(line)["value"] for line in predictions.stdout.splitlines()] == [0, 0, 0, 0]
    assert movierec("score", "--test", str(tmp_path / "test")).exception.exit_code == 2
    assert "0 with relevant rows and no list" in " ".join(table.split())
    assert movierec(*words, "--k", "0").exit_code != 0
