"""`movierec recommend`: one list, or lists for everybody."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from movierec.cli.main import app
from recommender.errors import UsageError
from recommender.model import Model
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
    assert "row 4: No such film is left out: No film has the title 'No such film'" in done.stderr
    ratings.write_text("Film 4,5\nFilm 5,many\n")
    assert "row 2: expected title or id, and a rating" in str(recommend(bundle, "--ratings", str(ratings)).exception)
    ratings.write_text("Film,Year,Rating\nFilm 4,4,5\n")  # the year is no rating
    refused = recommend(bundle, "--ratings", str(ratings))
    assert "row 1: expected title or id, and a rating in the second column" in str(refused.exception)


EXPORTS = {
    "letterboxd.csv": "Date,Name,Year,Letterboxd URI,Rating\n2024-01-02,Film 4,{year},u,5\n,Film 9,,u,1.5\n"
    ",Seen,1990,u,\n",
    "imdb.csv": "Const,Your Rating,Date Rated,Title,Original Title,Title Type,Year\n"
    "tt1,10,2024-01-02,Quatre,Film 4,Movie,{year}\ntt2,3,2024-01-02,Film 9,Film 9,Movie,\ntt3,9,,Film 5,,TV Series,\n",
    "ml.csv": "userId,movieId,rating,timestamp\n1,4,5,0\n1,9,1.5,0\n",
    "plain.csv": "movieId,rating\n4,5\n9,1.5\n",
    "own.csv": "movieId,rating,note\n4,5,a\n9,1.5,b\n",
    "semicolons.csv": "Name;Year;Letterboxd URI;Rating\nFilm 4;{year};u;5\nFilm 9;;u;1.5\n",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_letterboxd_or_imdb_is_a_file_of_ratings(bundle: Path, tmp_path: Path, name: str) -> None:
    year = Model.load(bundle).catalog.film(3).year
    (tmp_path / name).write_text(EXPORTS[name].format(year=year))
    (tmp_path / "by_id.csv").write_text("4,5\n9,1.5\n")
    done = recommend(bundle, "--ratings", str(tmp_path / name), "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == recommend(bundle, "--ratings", str(tmp_path / "by_id.csv"), "--json").stdout
    if name in ("plain.csv", "own.csv"):
        return
    with ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(tmp_path / name, "ratings.csv")
    assert recommend(bundle, "--ratings", str(tmp_path / "export.zip"), "--json").stdout == done.stdout


def test_a_file_that_is_no_export_says_what_was_expected(bundle: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK and nothing more")
    assert "cannot be read" in str(recommend(bundle, "--ratings", str(broken)).exception)
    everyones = tmp_path / "ratings.csv"
    everyones.write_text("userId,movieId,rating,timestamp\n1,4,5,0\n2,9,1.5,0\n")
    assert "the ratings of one person" in str(recommend(bundle, "--ratings", str(everyones)).exception)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Film 4,abc\n", "row 1: expected title or id, and a rating"),  # a film's row names no columns
        (b"Film 4,abc\n9,3\n", "row 1: expected title or id, and a rating"),
        (b"no item,abc\n", "row 1: expected title or id, and a rating"),
        (bytes(range(256)) * 40, "expected title or id, and a rating"),
        (b'"' + b"x" * 200_000 + b'",5\n', "cannot be read"),
    ],
)
def test_junk_is_refused_by_its_row(bundle: Path, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "junk.csv").write_bytes(content)
    error = recommend(bundle, "--ratings", str(tmp_path / "junk.csv")).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_file_of_ratings_may_have_other_encodings(bundle: Path, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "ratings.csv").write_bytes("film,opinion\nLes Mis\xe9rables (1995),5\nFilm 4,4\n".encode(encoding))
    done = recommend(bundle, "--ratings", str(tmp_path / "ratings.csv"), "--json")
    assert done.exit_code == 0
    assert "row 2: Les Mis\xe9rables (1995) is left out" in done.stderr


def test_what_an_export_names_in_vain_is_left_out_by_its_name(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "lb.csv").write_text("Date,Name,Year,Letterboxd URI,Rating\n,Film 4,,u,5\n,Nowhere,1990,u,5\n")
    assert "lb.csv: Nowhere (1990) is left out" in recommend(bundle, "--ratings", str(tmp_path / "lb.csv")).stderr
    (tmp_path / "ml.csv").write_text("movieId,title,rating\n4,,5\n,,3\n")
    assert "ml.csv: a row is left out" in recommend(bundle, "--ratings", str(tmp_path / "ml.csv")).stderr


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
        (["--title", "x", "--format", "csv"], "--format belongs to --all"),
        (["--user", "1", "--of", "items"], "--of belongs to --all"),
        (["--all", "--out", "x", "--json"], "--json is for one list"),
        (["--user", "1", "--out", "x"], "--all and --out FILE belong together"),
    ],
)
def test_a_wrong_question_is_refused(bundle: Path, words: list[str], message: str) -> None:
    error = recommend(bundle, *words).exception
    assert isinstance(error, UsageError)
    assert message in str(error)


def test_lists_are_not_written_to_a_directory_that_is_not_there(bundle: Path, tmp_path: Path) -> None:
    error = recommend(bundle, "--all", "--out", str(tmp_path / "missing" / "lists.csv")).exception
    assert isinstance(error, UsageError)
    assert f"no directory {tmp_path / 'missing'}" in str(error)
    assert not (tmp_path / "missing").exists()
