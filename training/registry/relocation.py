"""Write the artifact addresses of a tracking store anew, after its directory was moved or copied.

MLflow notes absolute addresses, of experiments, runs, models and versions. Those of our stores lie below one directory,
`artifacts` beside the SQLite file, so that a move changes nothing but their beginning.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from recommender.errors import MissingInputError

ARTIFACTS = "artifacts"
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_LOCK_SECONDS = 30.0


def artifact_root(file: Path) -> str:
    """Return the address of the artifacts of the store in a SQLite file."""
    return (file.parent / ARTIFACTS).as_uri()


def relocate(file: Path) -> int:
    """Let all artifact addresses of the store in a SQLite file begin with its directory; return how many changed.

    Raises MissingInputError where the artifacts did not come along.
    """
    root = artifact_root(file)
    with closing(sqlite3.connect(file, timeout=_LOCK_SECONDS)) as database, database:
        database.execute("BEGIN IMMEDIATE")
        old_roots = _old_roots(database, root)
        if old_roots and not (file.parent / ARTIFACTS).is_dir():
            raise MissingInputError(
                f"Expected the artifacts that were at {', '.join(sorted(old_roots))} in {file.parent / ARTIFACTS}, "
                "found none; nothing was changed. Move that directory together with the file of the tracking store."
            )
        return sum(
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                (root, len(old_root) + 1, len(old_root) + 1, f"{old_root}/"),
            ).rowcount
            for old_root in old_roots
            for table, column in _COLUMNS
        )


def _old_roots(database: sqlite3.Connection, root: str) -> set[str]:
    """Return where the artifacts of experiments lay that are not below `root`: `<root>/<name>`, as we make them."""
    locations = database.execute("SELECT name, artifact_location FROM experiments").fetchall()
    pairs = [(name, *str(location).rsplit("/", 1)) for name, location in locations if "/" in str(location)]
    return {
        parent
        for name, parent, last in pairs
        if unquote(last) == name and parent != root and parent.endswith(f"/{ARTIFACTS}")
    }
