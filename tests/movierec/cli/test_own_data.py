"""Tables of one's own on the command line: drafted, prepared by a description or by options, or refused."""

from __future__ import annotations

import json
import re

import pytest

from movierec.cli import main

ROWS = [
    (f"u{user}", item, (user + item) % 10 + 1, 1_600_000_000 + 7 * user + item)
    for user in range(30)
    for item in range(20)
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    lines = ["uid;iid;stars;ts", *(";".join(map(str, row)) for row in ROWS)]
    (tmp_path / "stars.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "twice.csv").write_text("\n".join(lines).replace("ts", "stars", 1) + "\n")
    (tmp_path / "books.jsonl").write_text(
        "".join(json.dumps({"iid": i, "name": f"Book {i}"}) + "\n" for i in range(20))
    )
    return tmp_path


@pytest.fixture
def movierec(home, monkeypatch, capsys):
    """Call the command line; gives exit code, standard output and standard error."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["movierec", "data", *words])
        with pytest.raises(SystemExit) as ended:
            main.run()
        return ended.value.code or 0, *capsys.readouterr()

    return call


OPTIONS = ("--interactions", "stars.csv", "--user", "uid", "--item", "iid", "--rating", "stars", "--time", "ts")


def test_a_draft_is_written_corrected_and_prepared(home, movierec):
    code, said, _ = movierec("draft", "mine", "stars.csv", "books.jsonl")
    description = home / "home/data/sources/mine.yaml"
    assert code == 0
    assert f"{description} says what was guessed" in said
    description.write_text(description.read_text() + "\nlike: 6\n")
    code, said, _ = movierec("prepare", "mine", "--json")
    snapshot = json.loads(said)
    assert (code, snapshot["scale"], snapshot["like"], snapshot["ratings"]) == (0, "1 to 10 by 1", 6, len(ROWS))
    code, said, _ = movierec("prepare", "mine", "--like", "7", "--json")  # an option changes the description
    assert (code, json.loads(said)["like"]) == (0, 7)


def test_options_alone_describe_tables_and_print_scale_and_likes(movierec):
    code, said, _ = movierec("prepare", "mine", *OPTIONS, "--items", "books.jsonl", "--title", "name")
    assert code == 0
    assert "1 to 10 by 1" in said
    assert "like share" in said
    assert movierec("prepare", "mine", "--json")[0] == 0, "as it was prepared the last time"


def test_a_description_may_be_anywhere(home, movierec):
    assert movierec("draft", "mine", "stars.csv", "--out", "here.yaml")[0] == 0
    assert not (home / "home").exists()
    assert movierec("prepare", "mine", "--source", "here.yaml")[0] == 0


def test_events_with_weights_and_columns_of_items(movierec):
    code, said, error = movierec(
        "prepare", "mine", "--interactions", "stars.csv", "--user", "uid", "--item", "iid", "--event", "stars",
        "--weights", ",".join(f"{kind}={kind}" for kind in range(1, 11)), "--items", "books.jsonl", "--category",
        "name", "--word", "book:books", "--json",
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert json.loads(said)["feedback"] == "events"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("prepare", "mine", *OPTIONS[:2]), 2, "expected also user, item"),
        (("prepare", "mine", *OPTIONS, "--list", "tags"), 2, "expected files of items"),
        (
            ("prepare", "mine", *OPTIONS[:-1], "when"),
            2,
            "Expected the column when in stars.csv, found uid, iid",
        ),
        (("prepare", "mine", *OPTIONS, "--weights", "up"), 2, "Expected weights as WORD=NUMBER"),
        (("prepare", "mine", *OPTIONS, "--raw", "."), 2, "Expected either --raw or a description"),
        (("prepare", "mine", *OPTIONS, "--scale", "1:5"), 1, "--scale 1:10"),
        (("prepare", "mine", *OPTIONS, "--scale", "1:99", "--like", "90"), 1, "no interaction is a like, 90 or more"),
        (("prepare", "mine", "--source", "absent.yaml"), 2, "absent.yaml"),
        (("prepare", "mine"), 2, "movierec data draft mine FILES"),
        (
            ("prepare", "mine", *OPTIONS, "--items", "books.jsonl", "--item-id", "name"),
            1,
            "none of its values ('Book 0'",
        ),
        (("prepare", "mine", *OPTIONS[:6], "--weights", "a=1"), 2, "the options: expected weights only for words"),
        (("prepare", "mine", *OPTIONS, "--weights", "up=1,down=0"), 2, "the words of weights (up, down) in the column"),
        (("prepare", "mine", *OPTIONS, "--event", "stars"), 2, "events (event, weight), found both\n"),
        (
            ("prepare", "mine", "--interactions", "twice.csv", *OPTIONS[2:8]),
            2,
            "Expected one column stars in twice.csv",
        ),
        (("draft", "mine", "absent.csv"), 2, "Expected a file at"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_right_exit_code(movierec, words, code, message):
    ended, said, error = movierec(*words)
    assert (ended, said) == (code, "")
    assert message in error
    assert "Traceback" not in error
    assert "PosixPath" not in error


def test_raw_files_in_a_layout_of_movielens_may_have_another_scale(home, movierec):
    raw = home / "raw"
    raw.mkdir()
    rows = [f"{user[1:]},{item},{stars},{time}" for user, item, stars, time in ROWS]
    (raw / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    (raw / "movies.csv").write_text(
        "movieId,title,genres\n" + "".join(f"{i},Film {i} (1990),Drama\n" for i in range(20))
    )
    code, _, error = movierec("prepare", "mine", "--raw", "raw")
    assert code == 1
    assert "movierec data draft" not in error
    code, said, _ = movierec("prepare", "mine", "--raw", "raw", "--scale", "1:10", "--json")
    snapshot = json.loads(said)
    assert (code, snapshot["scale"], snapshot["like"], snapshot["ratings"]) == (0, "1 to 10 by 1", 8, len(ROWS))


def test_items_without_a_row_are_counted(home, movierec):
    books = (home / "books.jsonl").read_text().splitlines(keepends=True)
    (home / "few.jsonl").write_text("".join(books[:13]))
    _, said, _ = movierec("prepare", "mine", *OPTIONS, "--items", "few.jsonl", "--title", "name")
    assert re.search(r"items without a row +│ 7", said)
    assert said.endswith("No row was left out. Note: 7 items without a row.\n")
    assert json.loads(movierec("describe", "mine", "--json")[1])["items_without_a_row"] == 7


def test_a_hint_is_given_where_every_interaction_is_a_like(movierec):
    hint = "Every interaction counts as a like."
    assert hint in movierec("prepare", "mine", *OPTIONS[:6])[1]
    assert hint not in movierec("prepare", "mine", *OPTIONS)[1]


def test_words_as_ids_in_a_layout_of_movielens_are_refused_with_the_way_to_read_them(home, movierec):
    raw = home / "raw"
    raw.mkdir()
    (raw / "ratings.csv").write_text("userId,movieId,rating,timestamp\nann,1,3,1600000000\n")
    (raw / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")
    code, _, error = movierec("prepare", "mine", "--raw", "raw")
    assert code == 1
    assert "movierec data draft NAME FILES" in error


def test_an_error_does_not_print_the_file(home, movierec):
    (home / "line.csv").write_bytes(b"uid,iid\n" + b'"' + b"x;" * 100_000)
    assert "uid, iid" in movierec("prepare", "mine", "--interactions", "line.csv", *OPTIONS[2:5], "x")[2]
    for encoding in ("utf-16", "latin-1"):
        error = movierec("prepare", "mine", "--interactions", "line.csv", *OPTIONS[2:6], "--encoding", encoding)[2]
        assert 0 < len(error) < 1000
