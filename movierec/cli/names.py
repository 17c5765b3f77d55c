"""Check data set names given on the command line, before a command imports anything large."""

from __future__ import annotations

from collections.abc import Callable

from training.datasets.names import PREPARE, check_name


def dataset_name(command: str = PREPARE) -> Callable[[str | None], str | None]:
    """Return a typer callback that checks a data set name.

    The callback raises UsageError for a path; the message names `command`, which reads NAME from DIR.
    """
    return lambda name: name if name is None else check_name(name, command)
