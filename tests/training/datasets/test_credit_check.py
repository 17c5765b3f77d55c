"""Coverage and agreement of credits tables."""

from __future__ import annotations

import json
import sys

import pytest

from movierec.cli import main
from training.datasets.store import prepare


def test_the_command_prints_coverage_and_agreement(raw, tmp_path, monkeypatch, capsys):
    raw.write(
        "movies.csv", "movieId,title,genres", "1,Heat (1995),Crime", "2,Alien (1979),Horror", "3,Solo (1990),Drama"
    )
    ratings = ["userId,movieId,rating,timestamp", *(f"{user},{1 + user % 2},4.0,900000000" for user in range(1, 9))]
    raw.write("ratings.csv", *ratings, "9,3,4.0,900000000", "10,3,4.0,900000000")
    other = tmp_path / "other"
    other.mkdir()
    (other / "movies.csv").write_text("movieId,title,genres\n70,Heat (1995),Crime\n80,Alien (1980),Horror\n", "utf-8")
    (other / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,70,4.0,900000000\n", "utf-8")
    table, reference = tmp_path / "table.csv", tmp_path / "reference.csv"
    table.write_text("movieId,directors,actors\n1,Michael Mann,Al Pacino|Nobody\n2,Ridley Scott,A|B\n", "utf-8")
    reference.write_text("movieId,directors,actors\n70,michael mann,Al Pacino\n80,Ridley Scott|X,A|B|C\n", "utf-8")
    prepare("mine", raw=raw.path, processed_root=tmp_path / "processed")
    words = ["--table", str(table), "--reference", str(reference), "--reference-raw", str(other)]
    words += ["--processed", str(tmp_path / "processed"), "--json"]
    monkeypatch.setattr(sys, "argv", ["movierec", "data", "credits", "mine", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ratings_covered"] == 0.8
    assert found["matched_films"] == 2
    assert found["same_directors"] == 0.5
    assert found["shared_director"] == 1.0
    assert found["actors"] == 0.75
