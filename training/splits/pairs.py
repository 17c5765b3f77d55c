"""Read a file of a published split: a table with or without a header, or one line per user with all items."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from recommender.errors import DataError, MissingInputError
from recommender.schema import MOST_STARS, MOVIE, RATING, RATING_DTYPES, TIMESTAMP, USER
from training.datasets.readers import times
from training.datasets.readers.layout import header_key

_COLUMNS = list(RATING_DTYPES)
_NAMES = {
    **dict.fromkeys(("userid", "user", "uid"), USER),
    **dict.fromkeys(("itemid", "item", "movieid", "movie", "iid"), MOVIE),
    **dict.fromkeys(("rating", "stars", "score"), RATING),
    **dict.fromkeys(("timestamp", "time", "date"), TIMESTAMP),
}
_INDEX = {"", "index", "unnamed"}  # what pandas writes before the columns
_SEPARATORS = ("\t", "::", ";", ",", "|")
_EXPECTED = (
    "user,item[,rating[,timestamp]] with a comma, semicolon, tab, bar, :: or blank between, or `user item item ...`"
)
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
_INT32, _EXACT = 2**31, 2**53
_MISSING = {RATING: str(MOST_STARS), TIMESTAMP: "0"}  # what stands for a column that a file lacks

Row = list[str]


def read_pairs(path: Path) -> pd.DataFrame:
    """Read a split's file as a table of user_id, movie_id, rating and timestamp, in file order.

    A missing rating is five stars, a missing time is 0. Ids are int32, int64 where they need it, or a category of str.
    Raises MissingInputError, or DataError, which names a column or a line that is not understood.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not there. Name the split's files with --train, --valid and --test.")
    try:
        lines = [text for text in path.read_text("utf-8-sig").splitlines() if text.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"Expected UTF-8 text in {path}: {error}.") from error
    if not lines:
        raise MissingInputError(f"{path} is empty.")
    separator = next((mark for mark in _SEPARATORS if mark in lines[0]), None)
    rows = _cells(lines, separator)
    header = _header(rows, path)
    if header is None:
        header, rows = _table(rows) if separator else _blank_separated(rows, path)
    else:
        rows = rows[1:]
    _require_widths(rows, len(header), path)
    texts = {name: [row[place] for row in rows] for place, name in enumerate(header) if name}
    columns = {name: pd.Series(texts.get(name, [_MISSING.get(name, "")] * len(rows)), dtype="str") for name in _COLUMNS}
    return pd.DataFrame(
        {
            USER: id_column(columns[USER]),
            MOVIE: id_column(columns[MOVIE]),
            RATING: _numbers(columns[RATING], path).astype("float32"),
            TIMESTAMP: _times(columns[TIMESTAMP], path),
        }
    )


def id_column(texts: pd.Series) -> pd.Series:
    """Return ids as whole numbers where all are plain decimals below 2^53, else as a category in byte order."""
    if texts.str.fullmatch(_DECIMAL).all() and texts.str.len().max() <= 16:
        numbers = texts.astype("int64")
        if numbers.max() < _INT32:
            return numbers.astype("int32")
        if numbers.max() < _EXACT:
            return numbers
    return texts.astype(pd.CategoricalDtype(pd.Index(sorted(texts.unique()), dtype="str")))


def _cells(lines: Sequence[str], separator: str | None) -> list[Row]:
    """Split lines into cells at the separator, or at blanks where there is none."""
    if separator is None:
        return [text.split() for text in lines]
    if len(separator) == 1 and '"' in lines[0] + lines[-1]:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    return [[cell.strip() for cell in text.split(separator)] for text in lines]


def _header(rows: Sequence[Row], path: Path) -> list[str | None] | None:
    """Return the column of each place, None for an index, if the first row is a header.

    Raises DataError if it is one, and a name is unknown or stands twice, or user or item is missing.
    """
    first = rows[0]
    is_known = [header_key(cell) in _NAMES for cell in first]
    if not any(is_known) and (any(map(_is_number, first)) or not _has_numbers(rows[1:2])):
        return None
    unknown = [
        cell for cell, known in zip(first, is_known, strict=True) if not known and header_key(cell) not in _INDEX
    ]
    names = [_NAMES.get(header_key(cell)) for cell in first]
    if unknown or USER not in names or MOVIE not in names or len(set(filter(None, names))) < sum(is_known):
        raise DataError(
            f"Expected the columns user and item, rating and timestamp where there are some, each once, in the first "
            f"line of {path}; found: {', '.join(first)[:200]}."
        )
    return list(names)


def _table(rows: list[Row]) -> tuple[list[str | None], list[Row]]:
    """Return the columns of rows without header, told from their number, and the rows."""
    return [*_COLUMNS[: len(rows[0])]], rows


def _blank_separated(rows: list[Row], path: Path) -> tuple[list[str | None], list[Row]]:
    """Return columns and rows of a table, or one row per item where each line holds one user and all items."""
    widths = {len(row) for row in rows}
    one_line_each = len({row[0] for row in rows}) == len(rows)
    if len(widths) == 1 and max(widths) <= len(_COLUMNS) and not (one_line_each and max(widths) > 2):
        return _table(rows)
    if not one_line_each or not all(_DECIMAL.fullmatch(cell) for row in rows for cell in row):
        raise DataError(f"Expected {_EXPECTED} in {path}; found {_shown(rows)}.")
    return [USER, MOVIE], [[user, item] for user, *items in rows for item in items]


def _require_widths(rows: Sequence[Row], width: int, path: Path) -> None:
    if width < 2 or (wrong := next((row for row in rows if len(row) != width), None)):
        raise DataError(f"Expected {_EXPECTED} in {path}; found {_shown([wrong] if width >= 2 and wrong else rows)}.")


def _numbers(texts: pd.Series, path: Path) -> pd.Series:
    """Return texts as numbers. Raises DataError, which shows the first that is none."""
    numbers = pd.to_numeric(texts, errors="coerce")
    if not np.isfinite(numbers).all():
        wrong = texts[~np.isfinite(numbers)].iloc[0]
        raise DataError(f"Expected numbers as ratings and times in {path}; found {wrong!r}. A row is {_EXPECTED}.")
    return numbers


def _times(texts: pd.Series, path: Path) -> pd.Series:
    if times.are_texts(texts.head(100).tolist()):
        seconds = times.seconds_of_texts(texts)
    else:
        seconds = times.whole_seconds(_numbers(texts, path).to_numpy(dtype=np.int64, copy=True))
    return pd.Series(seconds, dtype="int64")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", text) is not None


def _has_numbers(rows: Sequence[Row]) -> bool:
    return any(_is_number(cell) for row in rows for cell in row)


def _shown(rows: Sequence[Row]) -> str:
    return repr(" ".join(rows[0])[:200])
