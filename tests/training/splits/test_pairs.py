"""Files of published splits in every form that is in use, and what is said of a form that is not."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.errors import DataError, MissingInputError
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.splits.pairs import read_pairs

PAIRS = {(1, 10), (1, 20), (2, 10), (3, 30)}


@pytest.mark.parametrize(
    "text",
    [
        "user,item\n1,10\n1,20\n2,10\n3,30\n",
        "1,10,4.5\n1,20,3\n2,10,5\n3,30,1\n",
        "user,item,rating,timestamp\r\n1,10,4,100\r\n1,20,4,101\r\n2,10,4,102\r\n3,30,4,103\r\n",
        "1\t10\t4\t100\n1\t20\t4\t100\n2\t10\t4\t100\n3\t30\t4\t100\n",
        "\ufeff1 10 20\n2 10\n3 30\n",
        "movieId,userId,rating\n10,1,4\n20,1,3\n10,2,5\n30,3,1\n",
        "timestamp;rating;item_id;user_id\n9;10;10;1\n9;10;20;1\n9;1;10;2\n9;2;30;3\n",
        "user_id:token\titem_id:token\n1\t10\n1\t20\n2\t10\n3\t30\n",
        "1;10;4\n1;20;3\n2;10;5\n3;30;1\n",
        "1::10::4::9\n1::20::3::9\n2::10::5::9\n3::30::1::9\n",
        "1 10 10 881250949\n1 20 3 881250949\n2 10 5 881250949\n3 30 1 881250949\n",
        "1 10 1\n1 20 1\n2 10 1\n3 30 1\n",
        ",userId,movieId,rating\n0,1,10,4.5\n1,1,20,3\n2,2,10,5\n3,3,30,1\n",
        'Unnamed: 0,"user","item"\n7,"1","10"\n8,"1","20"\n9,"2","10"\n10,"3","30"\n',
        "user,item,time\n1,10,2001-09-09\n1,20,2001-09-10\n2,10,2001-09-11\n3,30,2001-09-12\n",
    ],
    ids=[
        *("pairs", "with-ratings", "header-crlf", "tabs", "user-lines", "another-order", "semicolons", "recbole"),
        *("semicolons-alone", "double-colons", "blanks", "blanks-rated-1", "pandas-index", "unnamed-index", "dates"),
    ],
)
def test_every_form_of_a_published_split_is_read(tmp_path, text):
    path = tmp_path / "part"
    path.write_text(text, encoding="utf-8", newline="")
    frame = read_pairs(path)
    assert set(zip(frame[USER], frame[MOVIE], strict=True)) == PAIRS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("movieId,userId,stars_given\n10,1,4\n", "found: movieId, userId, stars_given"),
        ("userId,rating\n1,4\n", "found: userId, rating"),
        ("user,item,item_id\n1,10,10\n", "found: user, item, item_id"),
        ("title,year\nHeat,1995\n", r"columns user and item.*found: title, year"),
        ("0,1,10,4.5,9\n1,1,20,3,9\n", "part, line 1; found '0,1,10,4.5,9'"),
        ("1,10,4\n\n1,20\n", "3 cells, as in the first line.* line 3; found '1,20'"),
        ("user,item,rating\n1,10,4\n1,20,good\n", "numbers as ratings and times .* line 3; found 'good'"),
        ("1,10,4\n,20,4\n", "line 2; found ',20,4'"),
        ("1 10 20\n2 x\n", "line 2; found '2 x'"),
    ],
)
def test_what_is_not_understood_of_a_split_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "part"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_pairs(path)


def test_empty_files_are_missing_input(tmp_path):
    for text in ("", "\n", "user,item\n"):
        (tmp_path / "part").write_text(text)
        with pytest.raises(MissingInputError, match=r"is empty|no rows"):
            read_pairs(tmp_path / "part")


ROWS = np.array([[1, 10, 4, 9], [1, 20, 3, 9], [2, 10, 5, 9], [3, 30, 1, 9]])
FIELDS = np.array([tuple(row[:3]) for row in ROWS], dtype=[("userId", "i4"), ("itemId", "i8"), ("rating", "f4")])
MATRIX = sp.coo_matrix((ROWS[:, 2], (ROWS[:, 0], ROWS[:, 1])))


@pytest.mark.parametrize(
    "save",
    [
        lambda path: np.save(path, ROWS),
        lambda path: np.save(path, ROWS[:, :2].astype(np.uint16)),
        lambda path: np.save(path, ROWS[:, :3].astype(float)),
        lambda path: np.save(path, FIELDS),
        lambda path: np.savez(path, user=ROWS[:, 0], item=ROWS[:, 1], rating=ROWS[:, 2]),
        lambda path: np.savez_compressed(path, ROWS),
        lambda path: np.savez(path, users=[1, 2, 3], items=[[10, 20], [10, -1], [30, -1]]),
        *[lambda path, kind=kind: sp.save_npz(path, MATRIX.asformat(kind)) for kind in ("csr", "csc", "coo", "bsr")],
    ],
)
def test_every_form_of_numpys_files_is_read(tmp_path, save):
    with (tmp_path / "part").open("wb") as file:
        save(file)
    frame = read_pairs(tmp_path / "part")
    assert set(zip(frame[USER], frame[MOVIE], strict=True)) == PAIRS


def test_values_of_numpys_files_are_those_of_the_text(tmp_path):
    np.save(tmp_path / "part.npy", ROWS)
    np.savetxt(tmp_path / "part.txt", ROWS)  # 1.000000000000000000e+00
    for name in ("part.npy", "part.txt"):
        assert read_pairs(tmp_path / name)[[USER, MOVIE, RATING, TIMESTAMP]].to_numpy().tolist() == ROWS.tolist()


def test_text_ids_stay_text(tmp_path):
    np.savez(tmp_path / "part.npz", user=np.array(["ann", "007"]), item=np.array(["7", "8"]))
    (tmp_path / "part").write_text("user,item\nann,7\n007,8\n")
    for name in ("part", "part.npz"):
        frame = read_pairs(tmp_path / name)
        assert (frame[USER].tolist(), frame[MOVIE].tolist()) == (["ann", "007"], [7, 8])


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (lambda file: np.save(file, np.array([[1, 2]], dtype=object)), "without unpickling"),
        (lambda file: np.savez(file, user=np.array([1], dtype=object), item=np.array([1])), "without unpickling"),
        (lambda file: file.write(pickle.dumps([(1, 2)])), "UTF-8 text, .npy or .npz"),
        (lambda file: file.write(b"\x93NUMPY\x01\x00"), "cannot be read"),
        (lambda file: file.write(b"PK\x03\x04none"), "cannot be read"),
        (lambda file: np.save(file, np.zeros((3, 9), dtype=int)), r"found int64 \(3, 9\)"),
        (lambda file: np.savez(file, a=ROWS, b=ROWS), r"found a int64 \(4, 4\), b int64"),
        (lambda file: np.save(file, np.array([[1, 2.5]])), "whole number.*movie_id.*row 0; found 2.5"),
        (lambda file: np.save(file, np.array([[1, 2], [-1, 2]])), "user_id.*row 1; found -1"),
        (lambda file: np.save(file, np.array([[1, 2, np.nan]])), "rating.*row 0; found nan"),
        (
            lambda file: np.savez(file, format=b"csr", shape=[2, 2], data=[1], indices=[9], indptr=[0, 1, 1]),
            "indices must",
        ),
    ],
)
def test_nothing_is_unpickled_and_what_is_not_understood_is_said(tmp_path, save, message):
    with (tmp_path / "part.npz").open("wb") as file:
        save(file)
    with pytest.raises(DataError, match=message):
        read_pairs(tmp_path / "part.npz")


@pytest.mark.parametrize(
    ("text", "ranked", "rows"),
    [
        ("1 10 1\n2 20 1\n3 30 1\n", False, [(1, 10), (2, 20), (3, 30)]),  # each user's last item, rated 1
        ("1 10 1\n2 20 1\n", True, [(1, 10), (1, 1), (2, 20), (2, 1)]),
        ("1 10 11\n2 20 21\n", False, [(1, 10), (1, 11), (2, 20), (2, 21)]),
        ("1\t10\t11\t12\t13\n2\t20\n", False, [(1, 10), (1, 11), (1, 12), (1, 13), (2, 20)]),
        ("1 10\n2\n3 30 31\n", False, [(1, 10), (3, 30), (3, 31)]),
    ],
)
def test_rows_and_lines_of_a_user_are_told_apart(tmp_path, text, ranked, rows):
    (tmp_path / "part").write_text(text)
    frame = read_pairs(tmp_path / "part", ranked=ranked)
    assert list(zip(frame[USER], frame[MOVIE], strict=True)) == rows


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    path = tmp_path / "part"
    path.write_text("1 10\n1 20\n")
    reads = []
    read_bytes = Path.read_bytes

    def counted(path):
        reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert len(read_pairs(path)) == len(read_pairs(path)) == 2
    assert len(reads) == 1
    path.write_text("1 10\n1 20\n1 30\n")
    assert len(read_pairs(path)) == 3
