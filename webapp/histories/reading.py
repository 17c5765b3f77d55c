"""Read histories: exports of Letterboxd (zip or CSV), IMDb and MovieLens (CSV), and this page's own CSV.

Files are hostile: sizes are bounded before anything is unpacked, and nothing is written to disk.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from webapp.shelf import MARKS, MOST, Mark, mark_of

MOST_BYTES = 20_000_000  # of one CSV file, unpacked
MOST_FILES = 20  # CSV files of one archive
_NO_FILM = re.compile(r"episode|series|game|podcast|music", re.IGNORECASE)  # IMDb's Title Type
_BACKUPS = {"deleted", "orphaned"}  # folders of a Letterboxd export with what is no longer said
_SEPARATOR = re.compile(r'\A"?sep=."?\r?\n', re.IGNORECASE)  # a spreadsheet's own first line
_STARS = 5.0
EXPECTED = (
    "Expected an export of Letterboxd (zip or CSV), of IMDb (CSV), or a MovieLens ratings.csv: the columns "
    "Name and Letterboxd URI; Const and Title; or movieId and rating."
)
Row = dict[str, str]


class HistoryError(ValueError):
    """A file that is no history; the message says what was expected and what was found."""


class UnknownTableError(HistoryError):
    """A table whose columns are those of no export."""


@dataclass(frozen=True)
class HistoryLine:
    """A film as a file lists it: titles (the common one first), year, id in MovieLens, stars (0.5 to 5), mark."""

    titles: tuple[str, ...]
    year: int | None = None
    movie_id: str | None = None
    stars: float | None = None
    mark: Mark | None = None


def read_history(name: str, content: bytes) -> list[HistoryLine]:
    """Return the films of a file, each once; a rating replaces a mark. Raises HistoryError."""
    tables = list(_unpacked(content)) if content.startswith(b"PK") else [(name, content)]
    lines_by_film: dict[tuple[object, ...], HistoryLine] = {}
    problems = []
    for table_name, table in tables:
        try:
            for line in _read_table(table_name, table):
                key = (line.movie_id, line.titles[:1], line.year)
                earlier = lines_by_film.get(key, line)
                lines_by_film[key] = replace(
                    line,
                    stars=earlier.stars if line.stars is None else line.stars,
                    mark=_stronger(earlier.mark, line.mark),
                )
        except HistoryError as problem:
            problems.append(problem)
    if not lines_by_film and problems:
        raise problems[0]
    if len(lines_by_film) > MOST:
        raise HistoryError(f"Expected at most {MOST:,} films, found {len(lines_by_film):,}.")
    return list(lines_by_film.values())


def _stronger(first: Mark | None, second: Mark | None) -> Mark | None:
    return min((mark for mark in (first, second) if mark), key=MARKS.index, default=None)


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the CSV files of an archive with their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            for name in [name for name in names if not _BACKUPS & set(PurePosixPath(name).parts)][:MOST_FILES]:
                with archive.open(name) as member:
                    yield name, member.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise HistoryError(f"This zip file cannot be read. {EXPECTED}") from error


def _read_table(name: str, content: bytes) -> Iterator[HistoryLine]:
    if len(content) > MOST_BYTES:
        raise HistoryError(f"Expected at most {MOST_BYTES // 1_000_000} MB of CSV, found more in {name}.")
    rows = _rows(content)
    columns = set(rows[0]) if rows else set()
    watchlist = "watchlist" in PurePosixPath(name).name.lower()
    if {"name", "letterboxd uri"} <= columns:
        return (_letterboxd(row, watchlist) for row in rows if row["name"])
    if {"const", "title"} <= columns:
        return (_imdb(row) for row in rows if row["title"] and not _NO_FILM.search(row.get("title type", "")))
    ids = {"movieid", "movie_id", "item_id"} & columns
    if ids and columns & {"rating", "mark"}:
        users = {row[key] for key in {"userid", "user_id"} & columns for row in rows}
        if len(users) > 1:
            raise HistoryError(f"Expected the ratings of one person, found {len(users):,} in the column of users.")
        return (_movielens(row, ids) for row in rows)
    raise UnknownTableError(f"{EXPECTED} Found: {', '.join(sorted(columns)[:8]) or 'no table'}.")


def _rows(content: bytes) -> list[Row]:
    """Return the rows of a CSV file, with columns named in lower case."""
    head, *table = read_cells(decode(content)) or [[]]
    columns = [column.strip().lower() for column in head]
    return [_row(columns, cells) for cells in table if any(cells)]


def read_cells(text: str, separators: str = ",;\t") -> list[list[str]]:
    """Return the cells of a CSV text by row, with the separator that its first row has most of. Raises HistoryError."""
    text = _SEPARATOR.sub("", text)
    head = text.partition("\n")[0]
    try:
        return list(
            csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=max(separators, key=head.count))
        )
    except csv.Error as error:
        raise HistoryError(f"This CSV file cannot be read: {error}. {EXPECTED}") from error


def decode(content: bytes) -> str:
    """Return the text of a file in the encoding that it is in; bytes that are none in it are replaced."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # a spreadsheet's “Unicode text”
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")  # older exports of IMDb


def _row(columns: Sequence[str], cells: Sequence[str]) -> Row:
    return dict.fromkeys(columns, "") | {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}


def _letterboxd(row: Row, watchlist: bool) -> HistoryLine:
    stars = _number(row.get("rating", ""), _STARS)
    mark: Mark | None = None if stars is not None else "watchlist" if watchlist else "seen"
    return HistoryLine((row["name"],), _year(row.get("year", "")), stars=stars, mark=mark)


def _imdb(row: Row) -> HistoryLine:
    rating = _number(row.get("your rating", ""), 2 * _STARS)
    is_list = "position" in row or "your rating" not in row
    mark: Mark | None = None if rating is not None else "watchlist" if is_list else "seen"
    titles = dict.fromkeys(filter(None, (row["title"], row.get("original title", ""))))
    return HistoryLine(
        tuple(titles), _year(row.get("year", "")), stars=None if rating is None else rating / 2, mark=mark
    )


def _movielens(row: Row, ids: set[str]) -> HistoryLine:
    title, year = row.get("title", ""), _year(row.get("year", ""))
    if dated := re.fullmatch(r"(.+?)\s*\((\d{4})\)", title):
        title, year = dated[1], int(dated[2])
    stars = _number(row.get("rating", ""), _STARS)
    return HistoryLine((title,) if title else (), year, next(row[key] for key in ids), stars, mark_of(row.get("mark")))


def _number(text: str, most: float) -> float | None:
    """Return a rating, or None where there is none; 0 is none in every export."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0 < value <= most else None


def _year(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[12]\d{3}", text, re.ASCII) else None
