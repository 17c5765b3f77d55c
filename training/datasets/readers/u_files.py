"""`u.data` and `u.item`: MovieLens 100K as GroupLens publishes it (latin-1)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recommender.schema import GENRES, MOVIE, ORIGINAL_TITLE, RATING_DTYPES
from training.datasets.tables import RawTables

_FIRST_GENRE_COLUMN = 5  # after id, title, release date, video release date and URL


def input_files(raw: Path) -> list[Path]:
    """The files of this layout, or [] where `raw` has another one."""
    if not (raw / "u.data").exists():
        return []
    return [raw / "u.data", raw / "u.item", raw / "u.genre"]


def read(raw: Path) -> RawTables:
    """Read the directory `raw`."""
    ratings = pd.read_csv(raw / "u.data", sep="\t", header=None, names=list(RATING_DTYPES), dtype=RATING_DTYPES)
    return RawTables(ratings, _movies(raw / "u.item", _genre_names(raw / "u.genre")), input_files(raw))


def _genre_names(path: Path) -> list[str]:
    frame = pd.read_csv(path, sep="|", header=None, names=["genre", "column"], encoding="latin-1")
    return [str(genre) for genre in frame.sort_values("column")["genre"]]


def _movies(path: Path, genre_names: list[str]) -> pd.DataFrame:
    items = pd.read_csv(path, sep="|", header=None, encoding="latin-1", keep_default_na=False, quoting=3)
    flags = items.iloc[:, _FIRST_GENRE_COLUMN : _FIRST_GENRE_COLUMN + len(genre_names)].to_numpy(dtype=bool)
    return pd.DataFrame(
        {
            MOVIE: items[0].astype("int32"),
            ORIGINAL_TITLE: items[1].astype("str"),
            GENRES: [[name for name, is_set in zip(genre_names, row, strict=True) if is_set] for row in flags],
        }
    )
