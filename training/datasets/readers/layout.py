"""Layouts of delimited files: columns, types, separator, header; the header is checked against them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recommender.errors import DataError, MissingInputError

_FOREIGN = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
}
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """Which columns to read from a delimited file, and how its rows are written.

    `dtypes`: our column name -> dtype. `source`: our column name -> the header's name, or the position of the field.
    `width`: number of fields in a row; taken from the header if there is one. `legacy`: latin-1 unless valid UTF-8.
    """

    dtypes: Mapping[str, str]
    source: Mapping[str, str] | Sequence[int]
    separator: str = ","
    has_header: bool = True
    width: int = 0
    quoted: bool = True
    legacy: bool = False

    def positions(self) -> dict[str, int]:
        """Return our column name -> position of its field; only for a layout that is `resolved`."""
        assert not isinstance(self.source, Mapping)
        return dict(zip(self.dtypes, self.source, strict=True))

    def resolved(self, path: Path, first_line: bytes) -> Layout:
        """Return this layout with positions and width taken from the header, if the file has one.

        Raises DataError if a column is missing or the file is no text.
        """
        refuse_foreign(path, first_line)
        if not self.has_header:
            return self
        text = first_line.removeprefix(BOM).decode("utf-8", "replace").rstrip("\r\n")
        names = [name.strip() for name in (next(csv.reader([text])) if self.quoted else text.split(self.separator))]
        if not isinstance(self.source, Mapping):
            return replace(self, width=len(names))
        missing = [name for name in self.source.values() if name not in names]
        if missing:
            raise DataError(
                f"Expected the columns {', '.join(missing)} in the first line of {path}; found: {text[:200]!r}."
            )
        return replace(self, source=[names.index(name) for name in self.source.values()], width=len(names))


def require_content(path: Path) -> None:
    """Raise MissingInputError if the file at `path` is missing or empty."""
    if not path.is_file():
        problem = "is missing"
    elif path.stat().st_size == 0:
        problem = "is empty"
    else:
        return
    raise MissingInputError(
        f"{path} {problem}. Get it again with `movierec data fetch NAME`, or name a complete directory with --raw DIR."
    )


def refuse_foreign(path: Path, start: bytes) -> None:
    """Raise DataError if the first bytes of a file show an archive or UTF-16 text."""
    for mark, what in _FOREIGN.items():
        if start.startswith(mark):
            raise DataError(f"Expected UTF-8 text in {path}; found {what}. Extract or convert it first.")
