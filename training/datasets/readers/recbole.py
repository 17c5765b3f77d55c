"""RecBole "atomic" files (`*.inter`, `*.item`, `*.kg`, `*.link`): tab-separated, types in the header, UTF-8.

RecBole's ml-100k splits a title "X (1995)" into "X" and "1995"; they are joined again here, so that both forms of the
data set give the same frames.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from recommender.schema import GENRES, MOVIE, ORIGINAL_TITLE, RATING_DTYPES
from training.datasets.tables import RawTables

_MISSPELLED = {"unkonwn": "unknown"}  # movie 267 of RecBole's ml-100k
# Genres are separated by spaces there; none of MovieLens's own names holds one.
_GENRE_SEPARATOR = " "


def input_files(raw: Path) -> list[Path]:
    """The files of this layout, or [] where `raw` has another one."""
    interactions = sorted(raw.glob("*.inter"))
    if not interactions:
        return []
    first = interactions[0]
    optional = [first.with_suffix(suffix) for suffix in (".kg", ".link")]
    return [first, first.with_suffix(".item"), *(path for path in optional if path.exists())]


def read(raw: Path) -> RawTables:
    """Read the directory `raw`."""
    files = input_files(raw)
    ratings = pd.read_csv(files[0], sep="\t", header=0, names=list(RATING_DTYPES), dtype=RATING_DTYPES)
    return RawTables(ratings, _movies(files[1]), files)


def _movies(path: Path) -> pd.DataFrame:
    names = [MOVIE, "name", "year", GENRES]
    items = pd.read_csv(
        path, sep="\t", header=0, names=names, dtype="str", keep_default_na=False, quoting=csv.QUOTE_NONE
    )
    return pd.DataFrame(
        {
            MOVIE: items[MOVIE].astype("int32"),
            ORIGINAL_TITLE: [_joined(name, year) for name, year in zip(items["name"], items["year"], strict=True)],
            GENRES: [text.split(_GENRE_SEPARATOR) for text in items[GENRES]],
        }
    )


def _joined(name: str, year: str) -> str:
    """Join "Toy Story" and "1995" to "Toy Story (1995)"; a row that repeats the name as year has none."""
    if name == year:
        return _MISSPELLED.get(name, name)
    return f"{name} ({year})" if year else name
