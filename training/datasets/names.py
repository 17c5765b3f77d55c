"""Check names of data sets and turn them into paths; imports nothing heavy, as commands check names first."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from recommender.errors import UsageError

MOST_LETTERS = 100
PREPARE = "movierec data prepare NAME --raw DIR"
_NAME = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{MOST_LETTERS - 1}}}")
_SHOWN = 200  # characters of a wrong name in a message


def is_name(text: object) -> bool:
    """Return whether `text` is a valid name of a data set."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def check_name(name: str, command: str = PREPARE) -> str:
    """Return `name` if it is a valid name of a data set, else raise UsageError.

    If `name` looks like a path, the message spells out `command`, which reads the files in that directory.
    """
    if is_name(name):
        return name
    message = (
        f"Expected the name of a data set (at most {MOST_LETTERS} of A-Z a-z 0-9 . _ -, the first no dot), "
        f"found {_shortened(name)!r}."
    )
    if _looks_like_path(name):
        message += f" For files of your own: `{_spelled_out(command, name)}`."
    raise UsageError(message)


def dataset_path(root: Path, name: str) -> Path:
    """Return the directory of the data set `name` under `root`. Raises UsageError if the name is not valid."""
    return root / check_name(name)


def _looks_like_path(text: str) -> bool:
    return text.isprintable() and (any(mark in text for mark in "/\\") or text in (".", "..") or text.startswith("~"))


def _spelled_out(command: str, path: str) -> str:
    """Return `command` with DIR replaced by `path`, and NAME by its last folder if that is a valid name."""
    last = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    return command.replace("NAME", last if is_name(last) else "NAME").replace("DIR", shlex.quote(path))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
