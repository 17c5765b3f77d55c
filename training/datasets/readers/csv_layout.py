"""`ratings.csv`, `movies.csv` and what comes with them: MovieLens 20M, 25M, 32M, latest and latest-small."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recommender.schema import (
    GENRES,
    IMDB_ID,
    MOVIE,
    ORIGINAL_TITLE,
    RATING,
    RATING_DTYPES,
    RELEVANCE,
    TAG,
    TAG_ID,
    TIMESTAMP,
    USER,
)
from training.datasets.tables import RawTables

_REQUIRED = ("ratings.csv", "movies.csv")
_OPTIONAL = ("links.csv", "tags.csv", "genome-scores.csv", "genome-tags.csv")
_COLUMNS = {
    "userId": USER,
    "movieId": MOVIE,
    "rating": RATING,
    "timestamp": TIMESTAMP,
    "title": ORIGINAL_TITLE,
    "genres": GENRES,
    "imdbId": IMDB_ID,
    "tagId": TAG_ID,
    "tag": TAG,
    "relevance": RELEVANCE,
}


def input_files(raw: Path) -> list[Path]:
    """The files of this layout, or [] where `raw` has another one."""
    if not (raw / "ratings.csv").exists():
        return []
    return [raw / name for name in _REQUIRED] + [raw / name for name in _OPTIONAL if (raw / name).exists()]


def read(raw: Path) -> RawTables:
    """Read the directory `raw`."""
    files = input_files(raw)
    ratings = _read(raw / "ratings.csv", RATING_DTYPES)
    movies = _read(raw / "movies.csv", {MOVIE: "int32", ORIGINAL_TITLE: "str", GENRES: "str"})
    movies[GENRES] = [text.split("|") for text in movies[GENRES]]
    tables = RawTables(ratings, movies, files)
    if (raw / "links.csv").exists():
        tables.links = _read(raw / "links.csv", {MOVIE: "int32", IMDB_ID: "Int64"})
    if (raw / "tags.csv").exists():
        tables.user_tags = _read(raw / "tags.csv", {USER: "int32", MOVIE: "int32", TAG: "str", TIMESTAMP: "int64"})
    if (raw / "genome-scores.csv").exists() and (raw / "genome-tags.csv").exists():
        tables.genome_scores = _read(raw / "genome-scores.csv", {MOVIE: "int32", TAG_ID: "int32", RELEVANCE: "float32"})
        tables.genome_tags = _read(raw / "genome-tags.csv", {TAG_ID: "int32", TAG: "str"})
    return tables


def _read(path: Path, dtypes: dict[str, str]) -> pd.DataFrame:
    raw_names = [raw_name for raw_name, name in _COLUMNS.items() if name in dtypes]
    frame = pd.read_csv(
        path,
        usecols=raw_names,
        dtype={raw_name: dtypes[_COLUMNS[raw_name]] for raw_name in raw_names},
        encoding="utf-8-sig",
        keep_default_na=False,
        na_values={"imdbId": [""]},
    )
    return frame.rename(columns=_COLUMNS)[list(dtypes)]
