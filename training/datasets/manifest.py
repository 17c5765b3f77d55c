"""`manifest.json` of a processed data set: its files with their sha256, and what they were made of and by."""

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
    """Return the manifest of a processed data set, or None where there is none, or one of something else."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if _is_sound(manifest) else None


def processed_files(directory: Path) -> Collection[str] | None:
    """The inventory of a processed data set: what its manifest lists, whatever state it is in, and the manifest."""
    manifest = read_manifest(directory)
    return None if manifest is None else {MANIFEST, *manifest["files"]}


def _is_sound(manifest: object) -> bool:
    if not isinstance(manifest, dict) or not manifest.keys() >= _KEYS or not is_name(manifest["name"]):
        return False
    return isinstance(manifest["files"], dict) and MOVIES_FILE in manifest["files"]
