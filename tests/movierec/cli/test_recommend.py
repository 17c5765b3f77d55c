"""`movierec recommend`: one list, or lists for everybody."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from movierec.cli.main import app
from recommender.errors import UsageError
from tests.world import N_USERS, save_world


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_world(tmp_path_factory.mktemp("world") / "bundle")


def recommend(bundle: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["recommend", "--model", str(bundle), *words])


def test_a_title_a_user_and_a_file_of_ratings_get_a_list(bundle: Path, tmp_path: Path) -> None:
    assert "Film 4" not in recommend(bundle, "--title", "Film 4", "--n", "3").stdout.split("score")[0]
    assert "predicted rating" in recommend(bundle, "--user", "4").stdout
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("title,rating\nFilm 4,5\n9,1.5\nNo such film,3\n")
    done = recommend(bundle, "--ratings", str(ratings), "--n", "5")
    assert done.exit_code == 0
    assert "row 4 is left out: No film has the title 'No such film'" in done.stderr
    ratings.write_text("Film 4,5\nFilm 5,many\n")
    assert "row 2: expected title or id, and a rating" in str(recommend(bundle, "--ratings", str(ratings)).exception)
    ratings.write_text("Name,Year,Rating\nFilm 4,4,5\n")  # the year is no rating
    refused = recommend(bundle, "--ratings", str(ratings))
    assert "row 1: expected title or id, and a rating in the second column" in str(refused.exception)


def test_everybody_gets_a_list_in_a_file(bundle: Path, tmp_path: Path) -> None:
    done = recommend(bundle, "--all", "--n", "4", "--format", "csv", "--out", str(tmp_path / "lists.csv"))
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(tmp_path / "lists.csv")) == 4 * N_USERS


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "exactly one of --title"),
        (["--title", "x", "--user", "1"], "exactly one of --title"),
        (["--all"], "--all and --out FILE belong together"),
        (["--user", "1", "--out", "x"], "--all and --out FILE belong together"),
    ],
)
def test_a_wrong_question_is_refused(bundle: Path, words: list[str], message: str) -> None:
    error = recommend(bundle, *words).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
