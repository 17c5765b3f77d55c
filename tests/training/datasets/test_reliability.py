"""Hostile and damaged input: what must happen for each kind of fault."""

from __future__ import annotations

import errno
import json
import pickle
import sys

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movierec.cli import main
from recommender.errors import DataError, MissingInputError, MovierecError
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from tests.conftest import fill
from tests.training.datasets.conftest import RawDirectory, rating_lines
from training.datasets.quarantine import Quarantine
from training.datasets.readers import read_raw
from training.datasets.store import load_dataset, prepare

N_RATINGS = len(rating_lines())


@pytest.fixture
def prepared(raw, tmp_path):
    """Prepare the raw directory; gives the data set, what stands in quarantine.csv, and the report."""

    def run(**options):
        root = tmp_path / "processed"
        dataset = prepare("mine", raw=raw.path, processed_root=root, **options)
        quarantine = pd.read_csv(root / "mine" / "quarantine.csv", keep_default_na=False)
        report = json.loads((root / "mine" / "quality_report.json").read_text("utf-8"))
        return dataset, quarantine, report

    return run


# 1: a malformed or partial row


BAD_ROWS = {
    "1,2": "expected 4 fields, found 2",
    "1,2,3.0,4,5": "expected 4 fields, found 5",
    "x,2,3.0,1000000000": "user_id: expected a whole number",
    "1,2.5,3.0,1000000000": "movie_id: expected a whole number",
    "1,,3.0,1000000000": "movie_id: expected a whole number",
    "1,2,good,1000000000": "rating: expected a number",
    "99999999999,2,3.0,1000000000": "user_id: number out of range",
    '1,"2,3.0,1000000000': "broken quoting",
    "1,2,3.0,": "timestamp: expected a whole number",
}


@pytest.mark.fault(1)
@pytest.mark.parametrize(("line", "reason"), BAD_ROWS.items())
def test_a_malformed_row_is_quarantined_with_file_and_line(prepared, raw, line, reason):
    number = raw.add("ratings.csv", line, "60,1,0.5,1000060001")  # a sound row after it, which repeats one
    dataset, quarantine, report = prepared()
    assert quarantine.to_dict("records") == [{"file": "ratings.csv", "line": number, "reason": reason, "text": line}]
    assert len(dataset.ratings) == N_RATINGS
    assert report["quarantined"] == {f"ratings.csv: {reason}": 1}


@pytest.mark.fault(1)
def test_a_row_cut_off_at_the_end_of_the_file_is_quarantined(prepared, raw):
    path = raw.path / "ratings.csv"
    path.write_bytes(path.read_bytes()[:-15])
    dataset, quarantine, _ = prepared()
    assert quarantine["line"].tolist() == [N_RATINGS + 1]
    assert len(dataset.ratings) == N_RATINGS - 1


@pytest.mark.fault(1)
def test_the_run_stops_over_a_thousandth_of_bad_rows_and_says_which(prepared, raw, tmp_path):
    for _ in range(3):
        raw.add("ratings.csv", "1,2")
    dataset, _, _ = prepared()
    first = raw.add("ratings.csv", *["nonsense"] * 4)
    with pytest.raises(DataError, match="Too many bad rows: 4 or more, where 3 are tolerated") as stopped:
        prepared()
    assert "3 of ratings.csv: expected 4 fields, found 2" in str(stopped.value)
    assert f"ratings.csv:{first - 3}: expected 4 fields, found 2: '1,2'" in str(stopped.value)
    assert load_dataset("mine", tmp_path / "processed").fingerprint == dataset.fingerprint


@pytest.mark.fault(1)
def test_the_tolerance_is_a_setting(prepared, raw):
    raw.add("ratings.csv", *["nonsense"] * 30)
    dataset, quarantine, _ = prepared(max_bad_share=0.5)
    assert (len(dataset.ratings), len(quarantine)) == (N_RATINGS, 30)


CELLS = st.one_of(
    st.sampled_from(
        ["", '"', '""', '"a', "nan", "inf", "-1", "0x10", "1e3", "٣", "9" * 30, "1_0", "1;2", "\x00", "a\rb"]
    ),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=8),
)
MUTATIONS = st.lists(
    st.tuples(st.integers(1, N_RATINGS), st.sampled_from(["cell", "cut", "join", "double", "junk", "bytes"]), CELLS),
    min_size=1,
    max_size=6,
)  # fmt: skip


@pytest.mark.fault(1)
@given(MUTATIONS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mutation_loses_or_changes_the_rows_around_it(raw, mutations):
    lines = [line.encode() for line in ["userId,movieId,rating,timestamp", *rating_lines()]]
    touched = set()
    for at, kind, cell in mutations:
        touched |= {at, at + 1}
        lines[at] = _mutated(lines[at], kind, cell.encode())
    (raw.path / "ratings.csv").write_bytes(b"".join(line + b"\n" for line in lines))
    quarantine = Quarantine()
    frame = read_raw(raw.path, quarantine).ratings.frame
    kept = set(map(tuple, frame.to_numpy(dtype=float).tolist()))
    untouched = [line for at, line in enumerate(rating_lines(), start=1) if at not in touched]
    assert {tuple(map(float, line.split(","))) for line in untouched} <= kept
    assert {reject.file for reject in quarantine.rejects} <= {"ratings.csv"}


STRAY = st.text(st.sampled_from('",a\n '), min_size=1, max_size=12)


@pytest.mark.fault(1)
@given(st.lists(st.tuples(st.integers(0, 99), STRAY), min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stray_quote_swallows_no_row_but_its_own(raw, mutations):
    rows = {at: f'{at + 1},1,"tag {at}",1000000000' for at in range(100)}
    for at, stray in mutations:
        rows[at] = f'{at + 1},1,"tag {at}{stray},1000000000'
    lines = ["userId,movieId,tag,timestamp", *rows.values()]
    (raw.path / "tags.csv").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    frame = read_raw(raw.path, Quarantine()).user_tags.frame
    sound = set(range(100)) - {at for at, _ in mutations}
    assert {f"tag {at}" for at in sound} <= set(frame["tag"])


def _mutated(line: bytes, kind: str, cell: bytes) -> bytes:
    fields = line.split(b",")
    match kind:
        case "cell":
            return b",".join([*fields[:1], cell, *fields[2:]])
        case "cut":
            return line[: len(line) // 2]
        case "join":
            return line + b"," + line
        case "double":
            return line + b"\n" + line
        case "bytes":
            return line + b"\xff\xfe"
    return cell


# 2: the same user and film twice


@pytest.mark.fault(2)
def test_of_two_ratings_of_one_film_the_latest_stays_and_is_counted(prepared, raw):
    raw.add("ratings.csv", "1,1,5.0,1500000000", "1,1,0.5,1499999999")
    dataset, quarantine, report = prepared()
    mine = dataset.ratings.query(f"{USER} == 1 and {MOVIE} == 1")
    assert mine[[RATING, TIMESTAMP]].to_numpy().tolist() == [[5.0, 1_500_000_000]]
    assert report["mended"]["repeated_ratings_dropped"] == 2
    assert quarantine.empty
    assert dataset.user_item().nnz == N_RATINGS


@pytest.mark.fault(2)
def test_on_a_tie_the_later_row_stays(prepared, raw):
    raw.add("ratings.csv", "1,1,2.0,1500000000", "1,1,4.0,1500000000")
    dataset, _, _ = prepared()
    assert dataset.ratings.iloc[-1][RATING] == 4.0
    assert dataset.user_item()[0, 0] == 4.0


# 3: impossible values


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,5.5,1000000000", "rating is outside the scale"),
        ("1,2,0,1000000000", "rating is outside the scale"),
        ("1,2,3.25,1000000000", "rating is between two steps"),
        ("1,2,nan,1000000000", "rating is not a number"),
        ("1,2,inf,1000000000", "rating is outside the scale"),
        ("-1,2,3.0,1000000000", "user id is negative"),
        ("1,-2,3.0,1000000000", "movie is not in the movies file"),
        ("1,777,3.0,1000000000", "movie is not in the movies file"),
        ("1,2,3.0,-5", "timestamp is impossible"),
        ("1,2,3.0,99999999999", "timestamp is impossible"),
    ],
)
def test_an_impossible_rating_is_rejected_and_reported(prepared, raw, line, reason):
    number = raw.add("ratings.csv", line)
    dataset, quarantine, _ = prepared()
    assert quarantine.to_dict("records") == [{"file": "ratings.csv", "line": number, "reason": reason, "text": line}]
    assert len(dataset.ratings) == N_RATINGS


@pytest.mark.fault(3)
def test_a_movie_that_stands_twice_or_without_title_is_rejected(prepared, raw):
    raw.add("movies.csv", "1,Another (2000),Drama", "99,,Drama")
    dataset, quarantine, _ = prepared()
    assert quarantine["reason"].tolist() == ["movie id stands twice", "title is empty"]
    assert dataset.movies.set_index(MOVIE).title[1] == "Film 1"


# 4: encodings and line ends


@pytest.mark.fault(4)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_change_nothing(prepared, raw, encoding, end):
    raw.write("movies.csv", *raw.lines("movies.csv")[:-1], "50,Amélie (2001),Romance")
    expected, _, _ = prepared()
    for name in ("ratings.csv", "movies.csv"):
        raw.write(name, *raw.lines(name), encoding=encoding, end=end)
    dataset, quarantine, _ = prepared()
    assert quarantine.empty
    pd.testing.assert_frame_equal(dataset.ratings, expected.ratings)
    pd.testing.assert_frame_equal(dataset.movies, expected.movies)


@pytest.mark.fault(4)
def test_a_csv_in_latin_1_is_read_and_reported(prepared, raw):
    films = [f"{m},Amélie {m} (2001),Drama" for m in range(1, 51)]
    raw.write("movies.csv", "movieId,title,genres", *films, encoding="latin-1")
    dataset, quarantine, report = prepared()
    assert dataset.movies["title"].tolist() == [f"Amélie {m}" for m in range(1, 51)]
    assert report["mended"]["files_read_as_latin_1"] == ["movies.csv"]
    assert quarantine.empty


@pytest.mark.fault(4)
def test_utf_8_with_a_broken_line_gives_one_clear_error(prepared, raw):
    lines = [f"{m},Amélie {m} (2001),Drama".encode() for m in range(1, 51)]
    broken = [line.replace(b"\xc3\xa9", b"\xc3") for line in lines[:4]]
    (raw.path / "movies.csv").write_bytes(b"\n".join([b"movieId,title,genres", *broken, *lines[4:]]))
    with pytest.raises(DataError, match=r"movies\.csv:2: not valid UTF-8"):
        prepared()


@pytest.mark.fault(4)
def test_line_ends_of_old_macs_are_named(prepared, raw):
    raw.write("ratings.csv", *raw.lines("ratings.csv"), end="\r")
    with pytest.raises(DataError, match=r"lines that end in LF or CR LF in .*ratings\.csv; found CR alone"):
        prepared()


@pytest.mark.fault(4)
def test_utf_16_and_archives_are_named_for_what_they_are(prepared, raw):
    raw.write("ratings.csv", *raw.lines("ratings.csv"), encoding="utf-16")
    with pytest.raises(DataError, match="found UTF-16 text"):
        prepared()
    (raw.path / "ratings.csv").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataError, match="found a zip archive"):
        prepared()


@pytest.mark.fault(4)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
@pytest.mark.parametrize("layout", ["dat", "u"])
def test_the_old_formats_are_read_in_latin_1_and_in_utf_8(tmp_path, encoding, layout):
    directory = tmp_path / layout
    directory.mkdir()
    ratings = ["1 1 5 978300760", "2 1 4 978300761", "2 2 3 978300762"]
    if layout == "dat":
        movies = ["1::Léon: The Professional (1994)::Action|Drama", "2::Café (1990)::Children's"]
        files = {"ratings.dat": [line.replace(" ", "::") for line in ratings], "movies.dat": movies}
    else:
        files = {"u.data": [line.replace(" ", "\t") for line in ratings],
                 "u.genre": ["unknown|0", "Action|1", "Drama|2", "Children's|3"],
                 "u.item": ["1|Léon: The Professional (1994)|01-Jan-1994||http://x|0|1|1|0",
                            "2|Café (1990)|01-Jan-1990||http://x|0|0|0|1"]}  # fmt: skip
    for name, lines in files.items():
        (directory / name).write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    dataset = prepare("old", raw=directory, processed_root=tmp_path / "processed")
    assert dataset.movies["title"].tolist() == ["Léon: The Professional", "Café"]
    assert dataset.movies["genres"].tolist() == [["Action", "Drama"], ["Children"]]
    assert dataset.ratings[USER].tolist() == [1, 2, 2]


# 5: golden rows


@pytest.mark.fault(5)
def test_titles_with_commas_quotes_and_no_year_stay_what_they_are(prepared, raw):
    golden = [
        '60,"Matrix, The (1999)",Action|Sci-Fi',
        '61,"""Great Performances"" Cats (1998)",Musical',
        "62,Babylon 5,Sci-Fi",
        "63,Nothing Listed (2000),(no genres listed)",
        "64,Das weiße Band 🎬 (2009),Drama",
        "65,Twins (1988),Comedy",
        "66,Twins (1996),Sci-Fi",
        "67,Twins (1996),Sci-Fi",
    ]
    raw.add("movies.csv", *golden)
    raw.add("ratings.csv", "1,67,4.0,1000000000")
    dataset, quarantine, report = prepared()
    films = dataset.movies.set_index(MOVIE)
    assert quarantine.empty
    assert films.title[[60, 61, 62, 64]].tolist() == [
        "The Matrix", '"Great Performances" Cats', "Babylon 5", "Das weiße Band 🎬",
    ]  # fmt: skip
    assert films.original_title[60] == "Matrix, The (1999)"
    assert pd.isna(films.year[62])
    assert films.genres[63] == []
    assert films.title[[65, 66]].tolist() == ["Twins", "Twins"]
    # the entry with more ratings stands for the film that was entered twice; the earlier "Twins" is another film
    assert films.duplicate_of[[65, 66, 67]].tolist() == [65, 67, 67]
    assert report["mended"]["films_entered_twice"] == 1


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("ids", "entries"),
    [
        (["", "", ""], [60, 60, 60]),
        (["77", "77", ""], [60, 60, 60]),
        (["77", "", "88"], [60, 60, 62]),  # two films; the entry without an id goes with the most rated
        (["", "88", "77"], [60, 60, 62]),
        (["77", "88", "99"], [60, 61, 62]),
    ],
)
def test_two_films_of_one_title_and_year_are_two_when_their_imdb_ids_say_so(prepared, raw, ids, entries):
    raw.add("movies.csv", *(f"{movie},Emma (1996),Drama" for movie in (60, 61, 62)))
    raw.add(
        "ratings.csv", *(f"{user},{movie},4.0,1000000000" for movie in (60, 61, 62) for user in range(movie - 59, 5))
    )
    raw.write("links.csv", "movieId,imdbId,tmdbId", *(f"{60 + at},{imdb}," for at, imdb in enumerate(ids)))
    dataset, _, report = prepared()
    assert dataset.movies.set_index(MOVIE).duplicate_of[[60, 61, 62]].tolist() == entries
    assert report["mended"]["films_entered_twice"] == 3 - len(set(entries))


# 6: a missing or empty file


@pytest.mark.fault(6)
@pytest.mark.parametrize("fault", ["missing", "empty"])
@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
def test_a_missing_or_empty_file_ends_with_2_and_names_file_and_command(
    raw, tmp_path, monkeypatch, capsys, name, fault
):
    (raw.path / name).unlink()
    if fault == "empty":
        (raw.path / name).touch()
    words = ["data", "prepare", "mine", "--raw", str(raw.path), "--processed", str(tmp_path / "processed")]
    monkeypatch.setattr(sys, "argv", ["movierec", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"{name} is {fault}" in message
    assert "movierec data fetch" in message


@pytest.mark.fault(6)
def test_a_data_set_that_was_never_prepared_names_the_command(tmp_path):
    with pytest.raises(MissingInputError, match="movierec data prepare ml-25m"):
        load_dataset("ml-25m", tmp_path)


@pytest.mark.fault(6)
def test_raw_files_that_are_not_there_name_the_ways_to_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match=r"movierec data fetch ml-25m.*--raw DIR"):
        prepare("ml-25m")


# 10: the disk is full


@pytest.mark.fault(10)
def test_a_full_disk_ends_with_1_says_what_to_do_and_leaves_the_old_data_set(
    raw, tmp_path, small_disk, monkeypatch, capsys
):
    root = tmp_path / "processed"
    small_disk(root, 4 << 20)
    before = prepare("mine", raw=raw.path, processed_root=root)
    raw.add("ratings.csv", "1,1,5.0,1500000000")
    fill(root, left=24 << 10)  # less than the ratings need
    words = ["data", "prepare", "mine", "--raw", str(raw.path), "--processed", str(root)]
    monkeypatch.setattr(sys, "argv", ["movierec", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    message = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 1
    assert "No space left on device" in message
    assert "Make room on that disk or name another place" in message
    _holds_only(root, before, "filler")


@pytest.mark.fault(10)
def test_a_write_that_fails_half_way_leaves_the_old_data_set(prepared, raw, tmp_path, monkeypatch):
    before, _, _ = prepared()
    raw.add("ratings.csv", "1,1,5.0,1500000000")

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pickle, "dump", full)
    with pytest.raises(MovierecError, match="No space left"):
        prepared()
    monkeypatch.undo()
    _holds_only(tmp_path / "processed", before)


def _holds_only(root, dataset, *others):
    assert load_dataset("mine", root).fingerprint == dataset.fingerprint
    assert sorted(path.name for path in root.iterdir()) == [".mine.lock", *others, "mine"]


def test_the_careful_parser_gives_what_the_fast_one_gives(raw, monkeypatch):
    fast = read_raw(raw.path, Quarantine()).ratings
    from training.datasets.readers import delimited

    monkeypatch.setattr(delimited, "_parse_with_arrow", lambda data, layout: None)
    careful = read_raw(raw.path, Quarantine()).ratings
    pd.testing.assert_frame_equal(fast.frame, careful.frame)
    assert careful.lines is not None
    assert careful.lines.tolist() == list(range(2, N_RATINGS + 2))
    assert isinstance(raw, RawDirectory)
