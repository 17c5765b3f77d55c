"""Check names and times given on the command line, before a command imports anything large."""

from __future__ import annotations

import re
from collections.abc import Callable

from recommender.errors import UsageError
from training.datasets.names import PREPARE, check_name


def dataset_name(command: str = PREPARE) -> Callable[[str | None], str | None]:
    """Return a typer callback that checks a data set name.

    The callback raises UsageError for a path; the message names `command`, which reads NAME from DIR.
    """
    return lambda name: name if name is None else check_name(name, command)


_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def duration(text: str | None) -> float:
    """Return the seconds of a time such as 90s, 15m, 1.5h, or 90; 0 for None. Raises UsageError for other text."""
    if text is None:
        return 0.0
    match = _DURATION.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise UsageError(f"Expected a time such as 90s, 15m or 1h, found {text!r}.")
    return float(match[1]) * _SECONDS[match[2]]
