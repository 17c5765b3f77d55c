"""Tables that several commands print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

_PIPE_WIDTH = 160


def show(rows: Sequence[Mapping[str, Any]], nothing: str = "no version yet") -> None:
    """Print rows as a table with the keys of the first as its head; `nothing` is the head where there are none."""
    from rich.console import Console
    from rich.table import Table

    # A pipe has no width; without this, cells would be cut.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for name in columns or [nothing]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
