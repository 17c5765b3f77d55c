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
    shortened = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    message = (
        f"Expected the name of a data set (at most {MOST_LETTERS} of A-Z a-z 0-9 . _ -, the first no dot), "
        f"found {shortened!r}."
    )
    if name.isprintable() and (any(mark in name for mark in "/\\") or name in (".", "..") or name.startswith("~")):
        last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
        command = command.replace("NAME", last if is_name(last) else "NAME").replace("DIR", shlex.quote(name))
        message += f" For files of your own: `{command}`."
    raise UsageError(message)


def dataset_path(root: Path, name: str) -> Path:
    """Return the directory of the data set `name` under `root`. Raises UsageError if the name is not valid."""
    return root / check_name(name)
