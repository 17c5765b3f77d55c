"""Each file format gives the same typed frames; each source of credits and genome is read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from recommender.errors import DataError, MissingInputError
from recommender.schema import ACTORS, DIRECTORS, MOVIE, RATING, RATING_DTYPES, TIMESTAMP, USER
from training.datasets.credits import read_credits
from training.datasets.quarantine import Quarantine
from training.datasets.readers import genome, input_files, read_raw
from training.datasets.store import prepare

RATINGS = [(3, 1, 4, 900_000_000), (1, 2, 5, 900_000_001), (1, 1, 3, 900_000_002)]
FILMS = {
    "csv": {
        "ratings.csv": ["userId,movieId,rating,timestamp", *(",".join(map(str, row)) for row in RATINGS)],
        "movies.csv": [
            "movieId,title,genres",
            "1,Toy Story (1995),Animation|Comedy",
            "2,Heat (1995),(no genres listed)",
        ],
    },
    "dat": {
        "ratings.dat": ["::".join(map(str, row)) for row in RATINGS],
        "movies.dat": ["1::Toy Story (1995)::Comedy|Animation", "2::Heat (1995)::(no genres listed)"],
    },
    "u": {
        "u.data": ["\t".join(map(str, row)) for row in RATINGS],
        "u.genre": ["unknown|0", "Comedy|1", "Animation|2", ""],
        "u.item": ["1|Toy Story (1995)|||x|0|1|1", "2|Heat (1995)|||x|1|0|0"],
    },
    "recbole": {
        "x.inter": [
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
            *("\t".join(map(str, row)) for row in RATINGS),
        ],
        "x.item": [
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
            "1\tToy Story\t1995\tAnimation Comedy",
            "2\tHeat\t1995\tunknown",
        ],
    },
}


def write(directory, files):
    directory.mkdir(exist_ok=True)
    for name, lines in files.items():
        (directory / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return directory


@pytest.mark.parametrize("layout", FILMS)
def test_every_layout_gives_the_same_data_set(tmp_path, layout):
    dataset = prepare("same", raw=write(tmp_path / "raw", FILMS[layout]), processed_root=tmp_path)
    assert {name: str(dtype) for name, dtype in dataset.ratings.dtypes.items()} == RATING_DTYPES
    columns = dataset.ratings[[USER, MOVIE, RATING, TIMESTAMP]]
    assert columns.to_numpy(dtype=float).tolist() == [list(map(float, row)) for row in RATINGS]
    assert dataset.movies[["title", "year", "genres"]].to_numpy().tolist() == [
        ["Toy Story", 1995, ["Animation", "Comedy"]],
        ["Heat", 1995, []],
    ]
    assert dataset.user_item().toarray().tolist() == [[3, 5], [4, 0]]
    assert dataset.user_rows.tolist() == [1, 0, 0]
    assert dataset.movie_rows.tolist() == [0, 1, 0]


def test_recbole_graph_gives_people_without_names(tmp_path):
    graph = {
        "x.kg": [
            "head_id:token\trelation_id:token\ttail_id:token",
            "m.toy\tfilm.film.directed_by\tm.john",
            "m.heat\tfilm.film.directed_by\tm.john",
            "m.heat\tfilm.film.actor\tm.al",
            "m.heat\tfilm.film.genre\tm.crime",
        ],
        "x.link": ["item_id:token\tentity_id:token", "1\tm.toy", "2\tm.heat"],
    }
    dataset = prepare("mine", raw=write(tmp_path / "raw", FILMS["recbole"] | graph), processed_root=tmp_path)
    start, stop = dataset.tags.blocks["people"]
    assert dataset.tags.features[start:stop] == ["person:director/m.john"]  # the actor of one film tells nothing


def test_numbers_may_hold_a_stray_colon_only_where_the_separator_is(tmp_path):
    files = FILMS["dat"] | {"ratings.dat": ["3::1::4::900000000", "1:x:2::5::900000001"]}
    quarantine = Quarantine()
    table = read_raw(write(tmp_path / "raw", files), quarantine).ratings
    assert table.frame[USER].tolist() == [3]
    assert [(reject.line_number, reject.reason) for reject in quarantine.rejects] == [(2, "expected 4 fields, found 3")]


def test_a_wrong_directory_says_what_was_expected_and_found(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(MissingInputError, match=r"ratings\.csv \+ movies\.csv.*found holiday\.jpg"):
        input_files(tmp_path)


def test_a_file_with_other_columns_says_which_are_missing(tmp_path):
    files = FILMS["csv"] | {"movies.csv": ["movieId,name,genres", "1,Toy Story,Comedy"]}
    with pytest.raises(DataError, match=r"Expected the columns title in the first line of .*movies\.csv"):
        read_raw(write(tmp_path / "raw", files), Quarantine())


def test_columns_may_stand_in_another_order_with_others_between(tmp_path):
    rows = ["rating,note,movieId,timestamp,userId", '4,"a, b",1,900000000,3']
    table = read_raw(write(tmp_path / "raw", FILMS["csv"] | {"ratings.csv": rows}), Quarantine()).ratings
    assert table.frame.to_numpy(dtype=float).tolist() == [[3, 1, 4, 900_000_000]]


def test_quoted_line_ends_belong_to_the_tag(tmp_path):
    tags = ["userId,movieId,tag,timestamp", '1,1,"two', 'lines",900000000', "1,2,plain,900000001"]
    quarantine = Quarantine()
    table = read_raw(write(tmp_path / "raw", FILMS["csv"] | {"tags.csv": tags}), quarantine).user_tags
    assert table.frame["tag"].tolist() == ["two\nlines", "plain"]
    assert table.line_numbers(np.array([0, 1])).tolist() == [2, 4]
    assert not quarantine.rejects


@pytest.mark.parametrize("form", ["csv", "dat"])
def test_both_forms_of_the_genome_are_read(tmp_path, form):
    scores, tags = [(1, 1, 0.25), (1, 2, 0.5)], [(1, "007", 3), (2, "action", 9)]
    if form == "csv":
        files = {
            "genome-scores.csv": ["movieId,tagId,relevance", *(",".join(map(str, row)) for row in scores)],
            "genome-tags.csv": ["tagId,tag", *(f"{tag},{name}" for tag, name, _ in tags)],
        }
    else:
        files = {
            "tag_relevance.dat": ["\t".join(map(str, row)) for row in scores],
            "tags.dat": ["\t".join(map(str, row)) for row in tags],
        }
    read = genome.read(write(tmp_path / "genome", files), Quarantine())
    assert read.scores.frame.to_numpy(dtype=float).tolist() == [[1, 1, 0.25], [1, 2, 0.5]]
    assert read.tags.frame["tag"].tolist() == ["007", "action"]


@pytest.mark.parametrize("key", ["movieId", "imdbId"])
def test_credits_come_from_a_csv_by_either_id(tmp_path, key):
    raw = write(
        tmp_path / "raw", FILMS["csv"] | {"links.csv": ["movieId,imdbId,tmdbId", "1,0114709,862", "2,0113277,949"]}
    )
    spelled = {"movieId": "2", "imdbId": "tt0113277"}[key]
    table = tmp_path / "credits.csv"
    table.write_text(f"{key},directors,actors\n{spelled},Michael Mann,Al Pacino| Robert De Niro|Al Pacino|\n", "utf-8")
    films = prepare("mine", raw=raw, credits=table, processed_root=tmp_path).movies
    assert films[DIRECTORS].tolist() == [[], ["Michael Mann"]]
    assert films[ACTORS].tolist() == [[], ["Al Pacino", "Robert De Niro"]]


def test_a_second_entry_of_a_film_has_the_credits_of_the_first(tmp_path):
    movies = [*FILMS["csv"]["movies.csv"], "3,Heat (1995),Crime"]
    table = tmp_path / "credits.csv"
    table.write_text("movieId,directors,actors\n2,Michael Mann,Al Pacino\n", "utf-8")
    raw = write(tmp_path / "raw", FILMS["csv"] | {"movies.csv": movies})
    films = prepare("mine", raw=raw, credits=table, processed_root=tmp_path).movies
    assert films[DIRECTORS].tolist() == [[], ["Michael Mann"], ["Michael Mann"]]


def test_credits_come_from_the_metadata_of_the_tag_genome(tmp_path):
    film = {
        "item_id": 7,
        "directedBy": "Joel Coen, Ethan Coen",
        "starring": "Robert Downey, Jr., Ann Lee, C, D, E, F",
        "title": "Made Up (2001)",
    }
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(film) + "\n" + json.dumps({"item_id": 8, "directedBy": None}) + "\n", "utf-8")
    read = read_credits(path)
    assert read[MOVIE].tolist() == [7, 8]
    assert read[DIRECTORS].tolist() == [["Joel Coen", "Ethan Coen"], []]
    assert read[ACTORS].tolist() == [["Robert Downey, Jr.", "Ann Lee", "C", "D", "E"], []]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("movieId,names\n1,x\n", "missing: directors, actors"),
        ("movieId,directors,actors\nx,a,b\n", "as movieId in line 2"),
    ],
)
def test_broken_credits_say_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "credits.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_credits(path)


def test_frames_are_equal_whatever_the_layout(tmp_path):
    first, *others = (
        prepare(layout, raw=write(tmp_path / layout, files), processed_root=tmp_path / "processed")
        for layout, files in FILMS.items()
    )
    for other in others:
        pd.testing.assert_frame_equal(first.ratings, other.ratings)
        pd.testing.assert_frame_equal(first.movies, other.movies)
