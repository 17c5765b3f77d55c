"""One reader per file format; `read_raw` picks the one that fits a directory."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from recommender.errors import MissingInputError, UsageError
from training.datasets.quarantine import Quarantine
from training.datasets.readers import csv_layout, dat_layout, recbole, u_files
from training.datasets.readers.layout import require_content
from training.datasets.tables import RawTables

_READERS: tuple[ModuleType, ...] = (csv_layout, u_files, dat_layout, recbole)
_EXPECTED = "ratings.csv + movies.csv, ratings.dat + movies.dat, u.data + u.item, or RecBole's *.inter + *.item"


def input_files(raw: Path) -> list[Path]:
    """Return the files of the directory `raw` to read, in a fixed order. Raises MissingInputError if one is missing."""
    files: list[Path] = _reader(raw).input_files(raw)
    for path in files:
        require_content(path)
    return files


def read_raw(raw: Path, quarantine: Quarantine) -> RawTables:
    """Read all raw tables in the directory `raw`, whatever their format. Raises MissingInputError or DataError."""
    tables: RawTables = _reader(raw).read(raw, quarantine)
    return tables


def _reader(raw: Path) -> ModuleType:
    if not raw.is_dir():
        raise MissingInputError(f"Expected a directory with {_EXPECTED}; {raw} is not a directory.")
    inputs = {reader: files for reader in _READERS if (files := reader.input_files(raw))}
    if len(inputs) > 1:
        names = " and ".join(files[0].name for files in inputs.values())
        raise UsageError(f"Expected the files of one format in {raw}; found {names}. Name a directory for each.")
    if inputs:
        return next(iter(inputs))
    names = ", ".join(sorted(path.name for path in raw.iterdir())[:10]) or "nothing"
    raise MissingInputError(
        f"Expected {_EXPECTED} in {raw}; found {names}. Name the right directory with --raw DIR, or get the files with "
        "`movierec data fetch NAME`."
    )
