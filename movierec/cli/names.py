"""Data set names as arguments and options: refused before a command imports anything heavy."""

from __future__ import annotations

from collections.abc import Callable

from training.datasets.names import PREPARE, check_name


def dataset_name(command: str = PREPARE) -> Callable[[str | None], str | None]:
    """A callback that passes names on. For a path it raises UsageError with `command`, which reads NAME from DIR."""
    return lambda name: name if name is None else check_name(name, command)
