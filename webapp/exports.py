"""Lists of recommendations as files to download."""

from __future__ import annotations

import csv
import io
import re

from client.answers import Recommendations
from webapp.data_words import DataWords
from webapp.shelf import Shelf

COLUMNS = (
    "rank", "movie_id", "title", "year", "genres", "directors", "actors", "score", "average_rating", "rating_count",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def recommendations_csv(answer: Recommendations) -> str:
    """Return a list of recommendations as CSV text; several names in one cell are joined by |."""
    sink = io.StringIO()
    facets = list(dict.fromkeys(facet for film in answer.recommendations for facet in film.facets or {}))
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow([*COLUMNS, *facets])
    for film in answer.recommendations:
        cells = [getattr(film, column) for column in COLUMNS] + [(film.facets or {}).get(facet, ()) for facet in facets]
        writer.writerow(map(_cell, cells))
    return sink.getvalue()


def shelf_csv(shelf: Shelf, words: DataWords) -> str:
    """Return a visitor's ratings and marks as CSV text, ratings in stars; the page can read it again."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(["movieId", "title", "rating", "mark"])
    for movie_id, entry in shelf.items():
        rating = "" if entry.rating is None else f"{words.to_stars(entry.rating):g}"
        writer.writerow([_cell(movie_id), _cell(entry.label), rating, entry.mark or ""])
    return sink.getvalue()


def file_name(wished: str) -> str:
    """Return a name that every system takes for a file."""
    return re.sub(r"[^\w.-]+", "-", wished)


def _cell(value: object) -> object:
    """Return the value as a CSV cell; text that a spreadsheet would run as a formula gets a leading apostrophe.

    A number, such as an id of -5, is none.
    """
    text = "|".join(value) if isinstance(value, tuple) else value
    is_formula = isinstance(text, str) and text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
