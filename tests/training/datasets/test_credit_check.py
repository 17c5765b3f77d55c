"""Coverage and agreement of credits tables."""

from __future__ import annotations

import json
import sys

import pytest

from movierec.cli import main
from recommender.errors import UsageError
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


FILMS = {1: "Heat (1995)", 2: "Alien (1979)", 3: "Solo (1990)", 4: "Gone (1991)", 5: "Twin (1992)", 6: "Odd (1993)"}
ARTICLES = [
    # known already: the table's row stays
    {"title": "Heat", "year": 1995, "cast": ["Val Kilmer"], "extract": "directed by Michael Mann."},
    # spelled as the table spells its people; actors as far as the reference names them, three of them
    {"title": "Alien", "year": 1979, "cast": ["Al PACINO", "Eve Fox", "Nobody Else", "Ann Lee", "Bob Roy"],
     "extract": "directed by Ridley Scott."},
    {"title": "Solo", "year": 1990, "cast": ["Ann Lee"], "extract": "directed by Someone Wrong."},
    {"title": "Gone", "year": 1991, "cast": ["Voices of", "Ann Lee"], "extract": "A film of nobody."},
    {"title": "Twin", "year": 1992, "href": "Twin_(a)", "extract": "directed by Ridley Scott."},
    {"title": "Twin", "year": 1992, "href": "Twin_(b)", "extract": "directed by Ridley Scott."},
]  # fmt: skip
REFERENCE = [
    "70,Michael Mann,Al Pacino",
    "20,Ridley Scott,Al Pacino|Bob Roy|Ann Lee|Eve Fox",
    "30,Ridley Scott,Ann Lee",
    "40,Ridley Scott,Ann Lee",
    "50,Ridley Scott,Ann Lee",
]


@pytest.fixture
def extension(raw, tmp_path):
    """Arguments of the command that extends a table of one film, and the table."""
    raw.write("movies.csv", "movieId,title,genres", *(f"{movie},{title},Drama" for movie, title in FILMS.items()))
    raw.write("ratings.csv", "userId,movieId,rating,timestamp", *(f"1,{movie},4.0,900000000" for movie in FILMS))
    other = tmp_path / "other"
    other.mkdir()
    reference_films = {70: FILMS[1], 20: FILMS[2], 30: FILMS[3], 40: FILMS[4], 50: FILMS[5]}
    lines = "".join(f"{movie},{title},Drama\n" for movie, title in reference_films.items())
    (other / "movies.csv").write_text(f"movieId,title,genres\n{lines}", "utf-8")
    (other / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,70,4.0,900000000\n", "utf-8")
    articles, table, reference = tmp_path / "articles", tmp_path / "table.csv", tmp_path / "reference.csv"
    articles.mkdir()
    (articles / "movies-1990s.json").write_text(json.dumps(ARTICLES), "utf-8")
    table.write_text("movieId,title,directors,actors\n1,Heat (1995),Michael Mann,Al Pacino\n", "utf-8")
    reference.write_text("".join(f"{line}\n" for line in ["movieId,directors,actors", *REFERENCE]), "utf-8")
    prepare("mine", raw=raw.path, processed_root=tmp_path / "processed")
    words = ["--table", str(table), "--processed", str(tmp_path / "processed"), "--json", "--extend", str(articles)]
    return [*words, "--reference", str(reference), "--reference-raw", str(other)], table


def run(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["movierec", "data", "credits", "mine", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    return ended.value.code


def test_a_table_is_extended_by_what_article_and_reference_agree_on(extension, monkeypatch, capsys):
    words, table = extension
    assert run(monkeypatch, words) == 0
    report = json.loads(capsys.readouterr().out)
    assert table.read_text("utf-8").splitlines() == [
        "movieId,title,directors,actors",
        "1,Heat (1995),Michael Mann,Al Pacino",
        "2,Alien (1979),Ridley Scott,Al Pacino|Eve Fox|Ann Lee",
        "4,Gone (1991),,Ann Lee",
    ]
    counts = ("added", "added_without_director", "without_article", "ambiguous", "unconfirmed")
    assert [report[f"films_{count}"] for count in counts] == [1, 1, 1, 1, 1]
    assert (report["ratings_covered_before"], report["ratings_covered"]) == (pytest.approx(1 / 6), pytest.approx(0.5))
    assert report["same_directors"] == 1.0  # of the films whose directors the table names
    assert report["actors"] == 1.0
    before = table.read_bytes()
    assert run(monkeypatch, words) == 0  # again: nothing to add
    assert table.read_bytes() == before


def test_nothing_is_added_without_a_second_source(extension, monkeypatch, capsys):
    words, table = extension
    before = table.read_bytes()
    assert run(monkeypatch, words[: words.index("--reference")]) == UsageError.exit_code
    assert "--reference" in capsys.readouterr().err
    assert table.read_bytes() == before
