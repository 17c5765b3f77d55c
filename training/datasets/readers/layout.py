"""Layouts of delimited files: columns, types, separator, header; the header is checked against them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recommender.errors import DataError, MissingInputError

_FOREIGN = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
}
BOM = b"\xef\xbb\xbf"
_PUNCTUATION = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Layout:
    """Which columns to read from a delimited file, and how its rows are written.

    `dtypes`: our column name -> dtype. `source`: our column name -> the names that a header may give it, or the
    position of the field. Names are the same up to case, punctuation and the type that RecBole adds (`user_id:token`).
    `optional`: column that a file may lack -> the value that every row then has. `width`: number of fields in a row;
    taken from the header if there is one. `legacy`: latin-1 unless valid UTF-8.
    """

    dtypes: Mapping[str, str]
    source: Mapping[str, Sequence[str]] | Sequence[int]
    separator: str = ","
    has_header: bool = True
    width: int = 0
    quoted: bool = True
    legacy: bool = False
    optional: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def without_header(cls, dtypes: Mapping[str, str], separator: str, width: int = 0, **options: Any) -> Layout:
        """Return the layout of lines without quotes that begin with these columns; `width`: by default no more."""
        source = tuple(range(len(dtypes)))
        return cls(dtypes, source, separator, has_header=False, width=width or len(dtypes), quoted=False, **options)

    def positions(self) -> dict[str, int]:
        """Return our column name -> position of its field; only for a layout that is `resolved`."""
        assert not isinstance(self.source, Mapping)
        return dict(zip(self.dtypes, self.source, strict=True))

    def resolved(self, path: Path, first_lines: Sequence[bytes]) -> Layout:
        """Return this layout for a file that begins with these lines: positions and width from its header, if any.

        Optional columns that the file lacks are left out. Raises DataError if another column is missing or stands
        twice, or if the file is no text.
        """
        refuse_foreign(path, first_lines[0])
        if b"\r" in first_lines[0].rstrip(b"\r\n"):
            raise DataError(
                f"Expected lines that end in LF or CR LF in {path}; found CR alone. Convert them first, for example "
                f"with `tr '\\r' '\\n'`."
            )
        if not isinstance(self.source, Mapping):
            return self._without_last_field(max(len(self._fields(line)) for line in first_lines))
        names = self._fields(first_lines[0])
        columns = {column: _find(names, accepted, path) for column, accepted in self.source.items()}
        missing = [
            self.source[column][0] for column, place in columns.items() if place is None and column not in self.optional
        ]
        if missing:
            text = ", ".join(names)
            raise DataError(
                f"Expected the columns {', '.join(missing)} in the first line of {path}; found: {text[:200]}."
            )
        places = {column: place for column, place in columns.items() if place is not None}
        dtypes = {column: self.dtypes[column] for column in places}
        return replace(self, dtypes=dtypes, source=list(places.values()), width=len(names))

    def _without_last_field(self, width: int) -> Layout:
        """Return the layout of a file without header whose rows lack their last field, where that is optional."""
        last = [column for column, place in self.positions().items() if place == self.width - 1]
        if width != self.width - 1 or not last or last[0] not in self.optional:
            return self
        dtypes = {column: dtype for column, dtype in self.dtypes.items() if column != last[0]}
        places = self.positions()
        return replace(self, dtypes=dtypes, source=[places[column] for column in dtypes], width=width)

    def _fields(self, line: bytes) -> list[str]:
        text = line.removeprefix(BOM).decode("utf-8", "replace").rstrip("\r\n")
        fields = next(csv.reader([text]), []) if self.quoted else text.split(self.separator)
        return [name.strip() for name in fields]


def _find(names: Sequence[str], accepted: Sequence[str], path: Path) -> int | None:
    """Return the position of the header's name that is one of `accepted`, or None. Raises DataError if two are."""
    keys = {header_key(name) for name in accepted}
    places = [place for place, name in enumerate(names) if header_key(name) in keys]
    if len(places) > 1:
        twice = " and ".join(names[place] for place in places)
        raise DataError(f"Expected one column {accepted[0]} in the first line of {path}; found {twice}.")
    return places[0] if places else None


def header_key(name: str) -> str:
    """Return a name of a column without case, punctuation and RecBole's type: "user_id:token" -> "userid"."""
    return _PUNCTUATION.sub("", name.partition(":")[0].casefold())


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
    for mark, kind in _FOREIGN.items():
        if start.startswith(mark):
            raise DataError(f"Expected UTF-8 text in {path}; found {kind}. Extract or convert it first.")
