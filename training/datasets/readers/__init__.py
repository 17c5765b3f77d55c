"""One reader per file format; `read_raw` finds out which one a directory needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recommender.errors import MissingInputError
from training.datasets.readers import csv_layout, recbole, u_files
from training.datasets.tables import RawTables

# The file that gives a layout away, the files it cannot do without, and its reader.
_LAYOUTS: tuple[tuple[Callable[[Path], list[Path]], Callable[[Path], RawTables]], ...] = (
    (csv_layout.input_files, csv_layout.read),
    (u_files.input_files, u_files.read),
    (recbole.input_files, recbole.read),
)
LAYOUTS_TEXT = "ratings.csv + movies.csv, u.data + u.item, or RecBole's *.inter + *.item"


def input_files(raw: Path) -> list[Path]:
    """The files that a run over `raw` reads, in a fixed order. Raises MissingInputError where no layout fits."""
    return _layout(raw)[0]


def read_raw(raw: Path) -> RawTables:
    """Read the raw directory `raw`, whatever its layout. Raises MissingInputError or DataError."""
    return _layout(raw)[1](raw)


def _layout(raw: Path) -> tuple[list[Path], Callable[[Path], RawTables]]:
    if not raw.is_dir():
        raise MissingInputError(f"Expected a directory with {LAYOUTS_TEXT}; {raw} is not a directory.")
    for files_of, read in _LAYOUTS:
        if files := files_of(raw):
            return _checked(files), read
    found = ", ".join(sorted(path.name for path in raw.iterdir())[:10]) or "nothing"
    raise MissingInputError(
        f"Expected {LAYOUTS_TEXT} in {raw}; found {found}. Name the right directory with --raw DIR."
    )


def _checked(files: list[Path]) -> list[Path]:
    for path in files:
        if not path.is_file():
            raise MissingInputError(
                f"{path} is missing. Fetch the data set again, or name its directory with --raw DIR."
            )
        if path.stat().st_size == 0:
            raise MissingInputError(f"{path} is empty. Fetch the data set again, or name its directory with --raw DIR.")
    return files
