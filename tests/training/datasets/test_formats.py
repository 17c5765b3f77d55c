"""Each file format gives the same typed frames; each source of credits and genome is read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from recommender.errors import DataError, MissingInputError, UsageError
from recommender.schema import ACTORS, DIRECTORS, MOVIE, RATING, RATING_DTYPES, TIMESTAMP, USER
from training.datasets.credits.table import read_credits
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


HEADS = [
    "user_id,movie_id,rating,timestamp", "userid,movieid,Rating,Timestamp", '"User ID","itemId","rating","time"',
]  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_a_header_may_spell_its_names_in_another_way(tmp_path, head):
    table = read_raw(write(tmp_path / "raw", FILMS["csv"] | {"ratings.csv": [head, "3,1,4,900000000"]}), Quarantine())
    assert table.ratings.frame.to_numpy(dtype=float).tolist() == [[3, 1, 4, 900_000_000]]


def test_a_column_that_stands_twice_is_refused(tmp_path):
    files = FILMS["csv"] | {"ratings.csv": ["userId,user_id,movieId,rating", "1,2,1,4"]}
    with pytest.raises(DataError, match=r"one column userId in the first line of .*; found userId and user_id"):
        _ = read_raw(write(tmp_path / "raw", files), Quarantine()).ratings


@pytest.mark.parametrize(
    "spelled",
    [
        ["900000000.0", "900000001.75", "900000002.5"],
        ["900000000000", "900000001999", "900000002000"],
        ["1998-07-09T16:00:00Z", "1998-07-09 16:00:01", "1998-07-09T18:00:02+02:00"],
        ['"1998-07-09 16:00:00"', '"1998-07-09 16:00:01.5"', '"1998-07-09 16:00:02"'],
    ],
    ids=["decimals", "milliseconds", "dates", "dates in quotes"],
)
def test_times_are_read_in_several_forms(tmp_path, spelled):
    rows = [f"{user},1,4,{time}" for user, time in enumerate(spelled)]
    files = FILMS["csv"] | {"ratings.csv": ["userId,movieId,rating,timestamp", *rows]}
    frame = read_raw(write(tmp_path / "raw", files), Quarantine()).ratings.frame
    assert frame[TIMESTAMP].tolist() == [900_000_000, 900_000_001, 900_000_002]
    assert frame.dtypes.astype(str).to_dict() == RATING_DTYPES


def test_a_text_among_dates_is_rejected_alone(tmp_path):
    rows = ["1,1,4,1998-07-09", "2,1,4,soon", "3,1,4,1998-07-11"]
    raw = write(tmp_path / "raw", FILMS["csv"] | {"ratings.csv": ["userId,movieId,rating,timestamp", *rows]})
    dataset = prepare("mine", raw=raw, processed_root=tmp_path, max_bad_share=0.5)
    assert dataset.ratings[USER].tolist() == [1, 3]
    assert dataset.dropped == {"ratings.csv: timestamp is impossible": 1}


WITHOUT_TIMES = {
    "csv": ("ratings.csv", ["userId,movieId,rating"], ","),
    "dat": ("ratings.dat", [], "::"),
    "u": ("u.data", [], "\t"),
    "recbole": ("x.inter", ["item_id:token\trating:float\tuser_id:token"], "\t"),
}


@pytest.mark.parametrize("layout", FILMS)
def test_files_may_lack_times(tmp_path, layout):
    name, head, mark = WITHOUT_TIMES[layout]
    order = (1, 2, 0) if layout == "recbole" else (0, 1, 2)
    rows = [mark.join(str(row[place]) for place in order) for row in RATINGS]
    dataset = prepare(
        "ml-100k", raw=write(tmp_path / "raw", FILMS[layout] | {name: [*head, *rows]}), processed_root=tmp_path
    )
    assert dataset.ratings.to_numpy(dtype=float).tolist() == [[*map(float, row[:3]), 0.0] for row in RATINGS]
    assert not dataset.has_times
    assert dataset.snapshot()["first_rating"] is None


def test_films_may_lack_genres(tmp_path):
    files = FILMS["csv"] | {"movies.csv": ["movie_id,title", "1,Toy Story (1995)", "2,Heat (1995)"]}
    dataset = prepare("mine", raw=write(tmp_path / "raw", files), processed_root=tmp_path)
    assert dataset.movies["genres"].tolist() == [[], []]


RECBOLE_ITEMS = {
    "another order": (
        ["class:token_seq\tmovie_title:token_seq\titem_id:token\trelease_year:token"],
        ["Animation Comedy\tToy Story\t1\t1995", "unknown\tHeat\t2\t1995"],
        [["Animation", "Comedy"], []],
        [1995, 1995],
    ),
    "without year": (
        ["item_id:token\tmovie_title:token_seq\tgenre:token_seq"],
        ["1\tToy Story\tAnimation Comedy", "2\tHeat\tCrime"],
        [["Animation", "Comedy"], ["Crime"]],
        [None, None],
    ),
    "title alone": (["item_id:token\tmovie_title:token_seq"], ["1\tToy Story", "2\tHeat"], [[], []], [None, None]),
}


@pytest.mark.parametrize("form", RECBOLE_ITEMS)
def test_recbole_files_are_read_by_their_headers(tmp_path, form):
    head, rows, genres, years = RECBOLE_ITEMS[form]
    ratings = ["timestamp:float\trating:float\titem_id:token\tuser_id:token"]
    ratings += ["\t".join(map(str, reversed(row))) for row in RATINGS]
    raw = write(tmp_path / "raw", {"x.inter": ratings, "x.item": [*head, *rows]})
    dataset = prepare("mine", raw=raw, processed_root=tmp_path)
    assert dataset.ratings.to_numpy(dtype=float).tolist() == [list(map(float, row)) for row in RATINGS]
    assert dataset.movies["title"].tolist() == ["Toy Story", "Heat"]
    assert dataset.movies["genres"].tolist() == genres
    assert [None if pd.isna(year) else year for year in dataset.movies["year"]] == years


@pytest.mark.parametrize(
    ("name", "head", "missing"),
    [
        ("x.inter", "user_id:token\titem_id:token\ttimestamp:float", "rating"),
        ("x.inter", "user_id:token\titem_id:token\tstars:float\ttimestamp:float", "rating"),
        ("x.inter", "3\t1\t4\t900000000", "user_id, item_id, rating"),
        ("x.item", "item_id:token\trelease_year:token\tclass:token_seq", "movie_title"),
    ],
)
def test_recbole_files_that_lack_a_column_name_it(tmp_path, name, head, missing):
    raw = write(tmp_path / "raw", FILMS["recbole"] | {name: [head, "1\t1\t1\t1"]})
    with pytest.raises(DataError, match=rf"Expected the columns {missing} in the first line of .*{name}"):
        _ = read_raw(raw, Quarantine()).ratings


@pytest.mark.parametrize("second", ["y.inter", "u.data", "ratings.csv"])
def test_files_of_two_data_sets_in_one_directory_are_refused_by_name(tmp_path, second):
    raw = write(
        tmp_path / "raw", FILMS["recbole"] | {second: ["user_id:token\titem_id:token\trating:float", "1\t1\t1"]}
    )
    with pytest.raises(UsageError, match=rf"(?s)x\.inter.*{second}|{second}.*x\.inter"):
        input_files(raw)


SCALES = {"1 to 10 in steps of 1": ("1:10", range(1, 11)), "0 to 100 in steps of 5": ("0:100:5", range(0, 101, 5))}


@pytest.mark.parametrize("scale", SCALES)
def test_another_scale_is_named_with_the_option_for_it(tmp_path, scale):
    option, stars = SCALES[scale]
    rows = [f"{user},1,{rating},900000000" for user, rating in enumerate(stars)]
    files = FILMS["csv"] | {"ratings.csv": ["userId,movieId,rating,timestamp", *rows]}
    with pytest.raises(DataError, match=rf"found {scale} .*--scale {option}\.") as refused:
        prepare("mine", raw=write(tmp_path / "raw", files), processed_root=tmp_path)
    assert "--max-bad-share" not in str(refused.value)


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
