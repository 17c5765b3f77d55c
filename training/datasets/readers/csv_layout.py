"""Read `ratings.csv`, `movies.csv` and their companions: MovieLens 20M, 25M, 32M, latest and latest-small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from recommender.schema import GENRES, IMDB_ID, MOVIE, ORIGINAL_TITLE, RATING, TAG, TIMESTAMP, USER
from training.datasets.quarantine import Quarantine
from training.datasets.readers import genome
from training.datasets.readers.delimited import read_numbers, read_text
from training.datasets.readers.layout import Layout
from training.datasets.tables import LINK_TABLE, RATING_TABLE, USER_TAG_TABLE, RawTables, Table, in_background

GENRE_SEPARATOR = "|"
_USER, _MOVIE, _TIME = ("userId", "user"), ("movieId", "itemId", "movie", "item"), ("timestamp", "time", "date")
_RATINGS = Layout(
    RATING_TABLE, {USER: _USER, MOVIE: _MOVIE, RATING: ("rating",), TIMESTAMP: _TIME}, optional={TIMESTAMP: 0}
)
_MOVIES = Layout(
    {MOVIE: "int32", ORIGINAL_TITLE: "str", GENRES: "str"},
    {MOVIE: _MOVIE, ORIGINAL_TITLE: ("title",), GENRES: ("genres", "genre")},
    optional={GENRES: ""},
)
_LINKS = Layout(LINK_TABLE, {MOVIE: _MOVIE, IMDB_ID: ("imdbId",)})
_USER_TAGS = Layout(
    USER_TAG_TABLE, {USER: _USER, MOVIE: _MOVIE, TAG: ("tag",), TIMESTAMP: _TIME}, optional={TIMESTAMP: 0}
)


def input_files(raw: Path) -> list[Path]:
    """Return the files of this format in the directory `raw`, [] if it has another format."""
    if not any((raw / name).exists() for name in ("ratings.csv", "movies.csv")):
        return []
    optional = [raw / name for name in ("links.csv", "tags.csv") if (raw / name).exists()]
    return [raw / "ratings.csv", raw / "movies.csv", *optional, *genome.input_files(raw)]


def read(raw: Path, quarantine: Quarantine) -> RawTables:
    """Read all tables in the directory `raw`; the ratings are read in the background."""
    ratings = in_background(read_numbers, raw / "ratings.csv", _RATINGS, quarantine)
    movies = read_text(raw / "movies.csv", _MOVIES, quarantine)
    tables = RawTables(ratings, with_genre_lists(movies, GENRE_SEPARATOR))
    if (raw / "links.csv").exists():
        tables.links = read_text(raw / "links.csv", _LINKS, quarantine)
    if (raw / "tags.csv").exists():
        tables.user_tags = read_text(raw / "tags.csv", _USER_TAGS, quarantine)
    if genome.input_files(raw):
        tables.genome = genome.read(raw, quarantine)
    return tables


def with_genre_lists(movies: Table, separator: str) -> Table:
    """Return `movies` with each film's genres split into a list of str."""
    lists = [text.split(separator) for text in movies.frame[GENRES].tolist()]
    return replace(movies, frame=movies.frame.assign(**{GENRES: pd.Series(lists, dtype="object")}))
