"""`make clean` removes what was made here and leaves what a user put beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.files import entries, mark

ROOT = Path(__file__).parents[1]
SET, WORK = "data/processed/ml-100k", "var/training/ml-100k-0"
VERSION, RUN = "var/models/versions/1-a9c6a1a8", "mlruns/artifacts/ml-100k/" + "0" * 32
MADE = [
    *(f"{SET}/processed_movies.pkl", "data/processed/.ml-100k.lock", f"{WORK}/name.json", f"{WORK}.lock"),
    *("var/models/champion", "var/models/status.json", f"{VERSION}/meta.json", f"{VERSION}/bundle/movie_ids.npy"),
    *("var/logs/api.log", "mlruns/mlflow.db", "mlruns/optuna.db", f"{RUN}/artifacts/figures/a.png"),
]
KEPT = [
    *("data/processed/mine/manifest.json", "data/processed/notes.txt", "data/raw/toy/ratings.csv"),
    *("var/notes.txt", "var/training/mine/name.json", "mlruns/README.md", "mlruns/mine.db"),
]


@pytest.fixture
def made(tmp_path):
    for name in (*MADE, *KEPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    described = {"format": 3, "name": "ml-100k", "fingerprint": "", "pandas": "", "files": {"processed_movies.pkl": ""}}
    (tmp_path / SET / "manifest.json").write_text(json.dumps(described))
    mark(tmp_path / WORK, ["name.json"])
    return tmp_path


def clean(directory: Path) -> str:
    """What the script prints in `directory`, run without any library, as by a Python that has none."""
    command = [sys.executable, "-S", "-m", "scripts.clean"]
    done = subprocess.run(
        command, cwd=directory, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_what_was_made_here_goes_and_the_rest_is_named(made):
    told = clean(made)
    assert entries(made) == sorted(KEPT, key=lambda name: name.split("/"))
    assert {line.strip() for line in told.splitlines()[1:]} == {*KEPT} - {
        "data/raw/toy/ratings.csv",
        "mlruns/README.md",
    }


@pytest.mark.fault(58)
@pytest.mark.parametrize("name", [SET, WORK, VERSION, RUN.rpartition("/")[0]])
def test_notes_beside_what_goes_stay(made, name):
    (made / name / "notes.txt").write_text("mine")
    clean(made)
    assert entries(made / name) == ["notes.txt"]


def test_it_says_nothing_where_nothing_is(tmp_path):
    assert clean(tmp_path) == ""
