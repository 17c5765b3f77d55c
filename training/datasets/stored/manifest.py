"""The manifest of a processed data set: the sha256 of each file, and how the files were made.

How: the options of `movierec data prepare`, and the state of every file that it read.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from recommender.files import sha256_of
from training.datasets.names import is_name

MANIFEST = "manifest.json"
MOVIES_FILE = "processed_movies.pkl"
_REPORTS = {".md", ".json", ".csv"}  # what people read and may write notes into
_KEYS = {"format", "name", "fingerprint", "pandas", "files"}
Options = Mapping[str, Any]  # keyword of `prepare` -> value, for the options that were given


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

    def is_edited(path: Path, checksum: object) -> bool:
        return path.suffix in _REPORTS and path.is_file() and sha256_of(path) != checksum

    return {MANIFEST, *(name for name, sha256 in manifest["files"].items() if not is_edited(directory / name, sha256))}


def _is_sound(manifest: object) -> bool:
    if not isinstance(manifest, dict) or not manifest.keys() >= _KEYS or not is_name(manifest["name"]):
        return False
    return isinstance(manifest["files"], dict) and MOVIES_FILE in manifest["files"]


class FileState(NamedTuple):
    """Size in bytes, time of modification in nanoseconds and sha256 of a file."""

    size: int
    modified: int
    sha256: str


class Preparation(BaseModel):
    """What is stored of the inputs: options as given, paths in them absolute; absolute path -> state of each file."""

    options: dict[str, str | float | bool | list[str]] = {}
    files: dict[str, FileState] = {}

    def changed(self, files: Sequence[Path]) -> list[str]:
        """Return those of `files`, the inputs of today, that were not read then, or not with this content."""
        return [str(path) for path in map(Path.absolute, files) if self._is_other(path)]

    def _is_other(self, path: Path) -> bool:
        before = self.files.get(str(path))
        if before is None:
            return True
        stat = path.stat()
        if (stat.st_size, stat.st_mtime_ns) == before[:2]:
            return False
        return stat.st_size != before.size or sha256_of(path) != before.sha256


def preparation_of(manifest: Mapping[str, Any]) -> Preparation | None:
    """Return how the data set behind `manifest` was made, or None where earlier code did not store that."""
    try:
        return Preparation.model_validate(manifest["preparation"])
    except (KeyError, ValidationError):
        return None


def stored_options(options: Options) -> dict[str, Any]:
    """Return the options that were given, with absolute paths: the working directory may be another one later."""
    return {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in options.items()
        if value is not None and value is not False
    }


def command(name: str, options: Options, *further: str) -> str:
    """Return the `movierec data prepare` that makes the data set `name` with these options."""
    words = ["movierec", "data", "prepare", name]
    for option, value in options.items():
        flag = f"--{option.replace('_', '-')}"
        values = value if isinstance(value, list) else [value]
        words += [word for one in values for word in ([flag] if one is True else [flag, str(one)])]
    return shlex.join([*words, *further])


def renewing_command(manifest: Mapping[str, Any], *further: str) -> str:
    """Return the command that makes the data set behind `manifest` again from the inputs it was made from."""
    preparation = preparation_of(manifest)
    return command(manifest["name"], preparation.options if preparation else {}, *further)
