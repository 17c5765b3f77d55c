"""Columns of a split's text file: a table with or without a header, or one line a user with all of their items.

Plain numbers are parsed by a compiled loop or by numpy. What those refuse (quotes, texts as ids, dates) is divided into
cells one by one, and a cell that is not understood is reported with its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.errors import DataError, MissingInputError
from recommender.schema import MOVIE, RATING, RATING_DTYPES, TIMESTAMP, USER
from training.datasets.readers import times
from training.datasets.readers.layout import header_key
from training.kernels.number_parser import COLUMN_TYPES, parse_numbers

COLUMNS = list(RATING_DTYPES)
NAMES = {
    **dict.fromkeys(("userid", "user", "users", "uid"), USER),
    **dict.fromkeys(("itemid", "item", "items", "movieid", "movie", "iid"), MOVIE),
    **dict.fromkeys(("rating", "ratings", "stars", "score", "scores", "predicted", "prediction"), RATING),
    **dict.fromkeys(("timestamp", "timestamps", "time", "date"), TIMESTAMP),
}
EXPECTED = (
    "user,item[,rating[,timestamp]] with a comma, semicolon, tab, bar, :: or blank between, or `user item item ...`"
)
_INDEX = {"", "index", "unnamed"}  # what pandas writes before the columns
_SEPARATORS = ("\t", "::", ";", ",", "|")
_DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_WHOLE = re.compile(r"\+?[0-9]+(?:\.0*)?(?:[eE]\+?[0-9]+)?", re.ASCII)  # what numpy.savetxt makes of whole numbers
_NOT_WHOLE = re.compile(r"[^0-9 \n]|(?<![0-9])0[0-9]|[0-9]{16}", re.ASCII)  # what numpy reads otherwise than ids are
_LEADING_ZERO = re.compile(r"(?<![0-9.])0[0-9]", re.ASCII)
_MOST_KINDS_OF_RATINGS = 11  # steps of a usual scale: more different numbers in a column are items

Cells = list[str]
Columns = dict[str, Any]  # of equal length by column; one that the file lacks is missing


def read_text(data: bytes, path: Path, *, ranked: bool) -> Columns:
    """Return the columns of a text file. `ranked`: it holds lists, so equally long lines of one user each are lists.

    Raises DataError, which names file and line, and MissingInputError where the file is empty.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"Expected UTF-8 text, .npy or .npz in {path}: {error}.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise MissingInputError(f"{path} is empty.")
    mark = next((mark for mark in _SEPARATORS if mark in lines[0]), None)
    table = _Lines(path, text, lines, mark)
    names = table.header()
    if names is not None:
        table = table.after_header()
    elif table.is_one_line_a_user(ranked=ranked):
        return table.lists()
    return table.columns(names or COLUMNS[: len(table.first(1)[0])])


@dataclass(frozen=True)
class _Lines:
    """The lines of a text that are not blank. `mark`: what separates cells, None for blanks; `skipped`: lines above."""

    path: Path
    text: str
    lines: Sequence[str]
    mark: str | None
    skipped: int = 0

    @cached_property
    def cells(self) -> list[Cells]:
        """Return the cells of every line."""
        if self.mark is None:
            return [line.split() for line in self.lines]
        if len(self.mark) == 1 and '"' in self.lines[0] + self.lines[-1]:
            return [[cell.strip() for cell in row] for row in csv.reader(self.lines, delimiter=self.mark)]
        return [[cell.strip() for cell in line.split(self.mark)] for line in self.lines]

    def first(self, count: int) -> list[Cells]:
        """Return the cells of the first lines."""
        return replace(self, lines=self.lines[:count]).cells

    def error(self, index: int, text: str, expected: str = EXPECTED) -> DataError:
        """Return the error about the line at `index`."""
        numbers = [number for number, line in enumerate(self.text.splitlines(), 1) if line.strip()]
        line = numbers[self.skipped + index]
        return DataError(f"Expected {expected} in {self.path}, line {line}; found {text[:200]!r}.")

    def header(self) -> list[str | None] | None:
        """Return the column of each place, None for an index, if the first line is a header.

        Raises DataError if it is one, and a name is unknown or stands twice, or user or item is missing.
        """
        first, *others = self.first(2)
        is_known = [header_key(cell) in NAMES for cell in first]
        if not any(is_known) and (
            any(map(_is_number, first)) or not any(_is_number(cell) for row in others for cell in row)
        ):
            return None
        unknown = [
            cell for cell, known in zip(first, is_known, strict=True) if not known and header_key(cell) not in _INDEX
        ]
        names = [NAMES.get(header_key(cell)) for cell in first]
        if unknown or USER not in names or MOVIE not in names or len(set(filter(None, names))) < sum(is_known):
            expected = "the columns user and item, rating and timestamp where there are some, each once,"
            raise DataError(f"Expected {expected} in the first line of {self.path}; found: {', '.join(first)[:200]}.")
        return list(names)

    def after_header(self) -> _Lines:
        """Return the lines below the first one. Raises MissingInputError where there are none."""
        if len(self.lines) == 1:
            raise MissingInputError(f"{self.path} has a header and no rows.")
        return replace(self, lines=self.lines[1:], skipped=1)

    def is_one_line_a_user(self, *, ranked: bool) -> bool:
        """Return whether each line holds a user and all of their items."""
        widths = {line.count(self.mark) + 1 if self.mark else len(line.split()) for line in self.lines}
        most = max(widths)
        if most <= 2 or self._is_a_user_repeated():
            return False
        if len(widths) > 1:
            return most > len(COLUMNS) or self.mark is None
        if most > len(COLUMNS) or self.mark is not None:
            return most > len(COLUMNS) and (ranked or self.mark is None)
        # Three or four cells in every line: rows if few enough different ones stand in the place of the rating.
        kinds = len({line.split()[2] for line in self.lines})
        return ranked or kinds > min(_MOST_KINDS_OF_RATINGS, len(self.lines) // 2)

    def lists(self) -> Columns:
        """Return a row for each item of each line."""
        text = "\n".join(self.lines if self.mark is None else (line.replace(self.mark, " ") for line in self.lines))
        lengths = np.fromiter((len(line.split()) for line in text.split("\n")), dtype=np.int64, count=len(self.lines))
        if _NOT_WHOLE.search(text):
            return self._lists_cell_by_cell()
        numbers = np.fromstring(text, dtype=np.int64, sep=" ")
        starts = np.cumsum(lengths) - lengths
        is_item = np.ones(len(numbers), dtype=bool)
        is_item[starts] = False
        return {USER: np.repeat(numbers[starts], lengths - 1), MOVIE: numbers[is_item]}

    def columns(self, names: Sequence[str | None]) -> Columns:
        """Return the columns `names` of equally long rows, None for one to skip."""
        if len(names) < 2 or len(self.first(1)[0]) != len(names):
            raise self.error(0, self.lines[0])
        columns = self._plain_numbers(names)
        return self._table_cell_by_cell(names) if columns is None else columns

    def _is_a_user_repeated(self) -> bool:
        """Return whether two lines have the same first cell."""
        seen: set[str] = set()
        for line in self.lines:
            user = line.split(self.mark, 1)[0]
            if user in seen:
                return True
            seen.add(user)
        return False

    def _plain_numbers(self, names: Sequence[str | None]) -> Columns | None:
        """Return the columns by the compiled parser, None where it refuses the lines."""
        text = "\n".join(self.lines) + "\n"
        if self.mark == "|" or _LEADING_ZERO.search(text):
            return None
        arrays = [np.zeros(len(self.lines), dtype=kind) for kind in COLUMN_TYPES]
        slots = np.array([-1 if name is None else COLUMNS.index(name) for name in names], dtype=np.int64)
        data = np.frombuffer(bytearray(text.encode()), dtype=np.uint8)  # writable, as everywhere: compiled once
        if parse_numbers(data, self.mark or " ", slots, arrays, 0) != len(self.lines):
            return None
        columns = {name: array for name, array in zip(COLUMNS, arrays, strict=True) if name in names}
        if min(int(columns[USER].min()), int(columns[MOVIE].min())) < 0:
            return None
        if TIMESTAMP in columns:
            columns[TIMESTAMP] = times.whole_seconds(columns[TIMESTAMP])
        return columns

    def _lists_cell_by_cell(self) -> Columns:
        for index, cells in enumerate(self.cells):
            if wrong := next((cell for cell in cells if not _DECIMAL.fullmatch(cell)), None):
                raise self.error(index, self.lines[index] if len(cells) < 9 else wrong)
        return {
            USER: pd.Series([user for user, *items in self.cells for _ in items], dtype="str"),
            MOVIE: pd.Series([item for _, *items in self.cells for item in items], dtype="str"),
        }

    def _table_cell_by_cell(self, names: Sequence[str | None]) -> Columns:
        for index, cells in enumerate(self.cells):
            if len(cells) != len(names) or any(not cell and name for cell, name in zip(cells, names, strict=True)):
                raise self.error(index, self.lines[index], f"{len(names)} cells, as in the first line: {EXPECTED},")
        places = {name: place for place, name in enumerate(names) if name}
        columns: Columns = {
            name: pd.Series([cells[place] for cells in self.cells], dtype="str") for name, place in places.items()
        }
        for name in (USER, MOVIE):
            columns[name] = _plain_ids(columns[name])
        if RATING in columns:
            columns[RATING] = self._numbers(columns[RATING])
        if TIMESTAMP in columns:
            texts = columns[TIMESTAMP]
            is_text = times.are_texts(texts.head(100).tolist())
            numbers = times.seconds_of_texts(texts) if is_text else self._numbers(texts).astype(np.int64)
            columns[TIMESTAMP] = numbers if is_text else times.whole_seconds(numbers)
        return columns

    def _numbers(self, texts: pd.Series) -> NDArray[np.float64]:
        """Return texts as numbers. Raises DataError with the line of the first that is none."""
        numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if wrong.size:
            expected = f"numbers as ratings and times ({EXPECTED})"
            raise self.error(int(wrong[0]), str(texts.iloc[wrong[0]]), expected)
        return numbers


def _plain_ids(texts: pd.Series) -> pd.Series:
    """Return ids written as decimals or with exponents, such as 7.0, as whole numbers; other ids as they are."""
    if not texts.head(1).str.contains(r"[.eE+]").any() or not texts.str.fullmatch(_WHOLE).all():
        return texts
    numbers = texts.astype("float64")
    return numbers.astype("int64").astype("str") if (numbers == np.floor(numbers)).all() else texts


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", text) is not None
