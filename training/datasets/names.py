"""Names of data sets, and the one place where a name becomes a path; light, as commands check names first."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from recommender.errors import UsageError

MOST_LETTERS = 100
PREPARE = "movierec data prepare NAME --raw DIR"
_NAME = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{MOST_LETTERS - 1}}}")
_SHOWN = 200  # letters of what was found, in a message


def is_name(text: object) -> bool:
    """Whether `text` may name a data set."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def check_name(name: str, command: str = PREPARE) -> str:
    """Return `name` where it may name a data set.

    Raises UsageError, for what looks like a path with `command` spelled out: what reads the files in that directory.
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
    """The directory of the data set `name` under `root`. Raises UsageError."""
    return root / check_name(name)


def _looks_like_path(text: str) -> bool:
    return text.isprintable() and (any(mark in text for mark in "/\\") or text in (".", "..") or text.startswith("~"))


def _spelled_out(command: str, path: str) -> str:
    """`command` with the directory `path`, and with its last part as the name where that may be one."""
    last = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    return command.replace("NAME", last if is_name(last) else "NAME").replace("DIR", shlex.quote(path))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
