"""Read `u.data` and `u.item`: MovieLens 100K in GroupLens's format (latin-1, `|` and tabs, a 0/1 column per genre)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from recommender.schema import GENRES, MOVIE, ORIGINAL_TITLE, TIMESTAMP
from training.datasets.quarantine import Quarantine
from training.datasets.readers.delimited import read_numbers, read_text
from training.datasets.readers.layout import Layout
from training.datasets.tables import RATING_TABLE, RawTables, Table, in_background

_FIRST_GENRE_FIELD = 5  # after id, title, release date, video release date and URL
_RATINGS = Layout.without_header(RATING_TABLE, "\t", optional={TIMESTAMP: 0})
_GENRES = Layout.without_header({"genre": "str", "column": "int32"}, "|", legacy=True)


def input_files(raw: Path) -> list[Path]:
    """Return the files of this format in the directory `raw`, [] if it has another format."""
    if not any((raw / name).exists() for name in ("u.data", "u.item")):
        return []
    return [raw / "u.data", raw / "u.item", raw / "u.genre"]


def read(raw: Path, quarantine: Quarantine) -> RawTables:
    """Read all tables in the directory `raw`; the ratings are read in the background."""
    genres = read_text(raw / "u.genre", _GENRES, quarantine).frame.sort_values("column")["genre"].tolist()
    return RawTables(
        in_background(read_numbers, raw / "u.data", _RATINGS, quarantine), _movies(raw / "u.item", genres, quarantine)
    )


def _movies(path: Path, genres: list[str], quarantine: Quarantine) -> Table:
    flags = [f"genre {number}" for number in range(len(genres))]
    skipped = [f"field {number}" for number in range(2, _FIRST_GENRE_FIELD)]
    dtypes = {MOVIE: "int32", ORIGINAL_TITLE: "str", **dict.fromkeys(skipped, "str"), **dict.fromkeys(flags, "int32")}
    layout = Layout.without_header(dtypes, "|", legacy=True)
    items = read_text(path, layout, quarantine)
    rows = items.frame[flags].to_numpy()
    lists = pd.Series(
        [[name for name, is_set in zip(genres, row, strict=True) if is_set] for row in rows], dtype="object"
    )
    return replace(items, frame=items.frame[[MOVIE, ORIGINAL_TITLE]].assign(**{GENRES: lists}))
