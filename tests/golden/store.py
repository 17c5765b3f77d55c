"""An old store in one file: data, `mlruns/` and `var/` as an earlier code made them, to be unpacked anywhere.

MLflow keeps absolute addresses of artifacts. In the file they begin with a placeholder, which unpacking replaces; the
tracking database travels as the SQL that makes it again.
"""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

STORE = Path(__file__).parent / "store.tar.xz"
PLACEHOLDER = "/golden-home"
_FOLDERS = ("data/processed", "mlruns", "var/models", "expected")
_DATABASE, _DUMP = Path("mlruns/mlflow.db"), Path("mlruns/mlflow.sql")


def pack(home: Path, file: Path, replacements: Mapping[str, str]) -> None:
    """Pack the store of `home`, changing it; `replacements`: further machine paths, and what stands for them."""
    with closing(sqlite3.connect(home / _DATABASE)) as database:
        (home / _DUMP).write_text("\n".join(database.iterdump()), encoding="utf-8")
    for path in home.glob(f"{_DATABASE}*"):
        path.unlink()
    for picture in home.glob("mlruns/**/*.png"):  # three quarters of the store, and no code reads them
        picture.unlink()
    _replace(home, {str(home): PLACEHOLDER, **replacements})
    with tarfile.open(file, "w:xz", preset=9) as archive:
        for folder in _FOLDERS:
            archive.add(home / folder, folder, filter=_without_owner)


def unpack(home: Path, file: Path = STORE) -> None:
    """Make the store in the directory `home`."""
    with tarfile.open(file) as archive:
        archive.extractall(home, filter="data")
    _replace(home, {PLACEHOLDER: str(home)})
    with closing(sqlite3.connect(home / _DATABASE)) as database:
        database.executescript((home / _DUMP).read_text(encoding="utf-8"))
    (home / _DUMP).unlink()


def _replace(home: Path, replacements: Mapping[str, str]) -> None:
    """Replace paths in the files that hold any: the database, and MLflow's description of each model."""
    for file in [home / _DUMP, *home.glob("mlruns/**/MLmodel")]:
        text = file.read_text(encoding="utf-8")
        for old, new in replacements.items():
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
