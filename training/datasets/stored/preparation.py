"""How a processed data set was made: the options of `movierec data prepare`, and the state of every file it read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from recommender.files import sha256_of

Options = Mapping[str, Any]  # keyword of `prepare` -> value, for the options that were given


class FileState(NamedTuple):
    """Size in bytes, time of modification in nanoseconds and sha256 of a file."""

    size: int
    modified: int
    sha256: str


class Preparation(BaseModel):
    """Recorded inputs of a data set: options with absolute paths, and the state of each file by absolute path."""

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
