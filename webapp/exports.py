"""Lists of recommendations as files to download."""

from __future__ import annotations

import csv
import io

from client.answers import Recommendations

COLUMNS = (
    "rank", "movie_id", "title", "year", "genres", "directors", "actors", "score", "average_rating", "rating_count",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def recommendations_csv(answer: Recommendations) -> str:
    """Return a list of recommendations as CSV text; several names in one cell are joined by |."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(COLUMNS)
    for film in answer.recommendations:
        writer.writerow([_cell(getattr(film, column)) for column in COLUMNS])
    return sink.getvalue()


def _cell(value: object) -> object:
    """Return the value as a CSV cell; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    text = "|".join(value) if isinstance(value, tuple) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
