"""Read `ratings.dat` and `movies.dat`, fields separated by "::": MovieLens 1M (latin-1) and 10M (UTF-8)."""

from __future__ import annotations

from pathlib import Path

from recommender.schema import GENRES, MOVIE, ORIGINAL_TITLE, TIMESTAMP
from training.datasets.quarantine import Quarantine
from training.datasets.readers.csv_layout import GENRE_SEPARATOR, with_genre_lists
from training.datasets.readers.delimited import read_numbers, read_text
from training.datasets.readers.layout import Layout
from training.datasets.tables import RATING_TABLE, USER_TAG_TABLE, RawTables, in_background

_SEPARATOR = "::"
_RATINGS = Layout.without_header(RATING_TABLE, _SEPARATOR, optional={TIMESTAMP: 0})
_MOVIES = Layout.without_header({MOVIE: "int32", ORIGINAL_TITLE: "str", GENRES: "str"}, _SEPARATOR, legacy=True)
_USER_TAGS = Layout.without_header(USER_TAG_TABLE, _SEPARATOR, legacy=True)


def input_files(raw: Path) -> list[Path]:
    """Return the files of this format in the directory `raw`, [] if it has another format."""
    if not (raw / "ratings.dat").exists():
        return []
    optional = [raw / "tags.dat"] if (raw / "tags.dat").exists() else []
    return [raw / "ratings.dat", raw / "movies.dat", *optional]


def read(raw: Path, quarantine: Quarantine) -> RawTables:
    """Read all tables in the directory `raw`; the ratings are read in the background."""
    tables = RawTables(
        in_background(read_numbers, raw / "ratings.dat", _RATINGS, quarantine),
        with_genre_lists(read_text(raw / "movies.dat", _MOVIES, quarantine), GENRE_SEPARATOR),
    )
    if (raw / "tags.dat").exists():
        tables.user_tags = read_text(raw / "tags.dat", _USER_TAGS, quarantine)
    return tables
