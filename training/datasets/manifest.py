"""Read `manifest.json` of a processed data set: the sha256 of each file, and what the files were made from."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training.datasets.names import is_name

MANIFEST = "manifest.json"
MOVIES_FILE = "processed_movies.pkl"
_KEYS = {"format", "name", "fingerprint", "pandas", "files"}


def read_manifest(directory: Path) -> dict[str, Any] | None:
    """Return the manifest of the processed data set in `directory`, or None if there is no valid one."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if _is_sound(manifest) else None


def processed_files(directory: Path) -> Collection[str] | None:
    """Return the names of all files of a processed data set, as its manifest lists them, or None without a manifest."""
    manifest = read_manifest(directory)
    return None if manifest is None else {MANIFEST, *manifest["files"]}


def _is_sound(manifest: object) -> bool:
    if not isinstance(manifest, dict) or not manifest.keys() >= _KEYS or not is_name(manifest["name"]):
        return False
    return isinstance(manifest["files"], dict) and MOVIES_FILE in manifest["files"]
