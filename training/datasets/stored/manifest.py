"""Read `manifest.json` of a processed data set: the sha256 of each file, and what the files were made from.

Imports nothing beyond the standard library: `make clean` reads manifests before there is an environment.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from recommender.files import sha256_of
from training.datasets.names import is_name

MANIFEST = "manifest.json"
MOVIES_FILE = "processed_movies.pkl"
_REPORTS = {".md", ".json", ".csv"}  # what people read and may write notes into
_KEYS = {"format", "name", "fingerprint", "pandas", "files"}


def read_manifest(directory: Path) -> dict[str, Any] | None:
    """Return the manifest of the processed data set in `directory`, or None if there is no valid one."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if _is_sound(manifest) else None


def processed_files(directory: Path) -> Collection[str] | None:
    """Return the names of a processed data set's files, except edited reports, or None without a manifest.

    A pickle or an array that differs from its sha256 is damaged, not edited, and may be replaced.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        return None
    files = manifest["files"].items()
    return {MANIFEST, *(name for name, checksum in files if not _is_edited(directory / name, checksum))}


def _is_edited(path: Path, checksum: object) -> bool:
    return path.suffix in _REPORTS and path.is_file() and sha256_of(path) != checksum


def _is_sound(manifest: object) -> bool:
    if not isinstance(manifest, dict) or not manifest.keys() >= _KEYS or not is_name(manifest["name"]):
        return False
    return isinstance(manifest["files"], dict) and MOVIES_FILE in manifest["files"]
