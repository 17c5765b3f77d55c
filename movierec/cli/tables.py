"""Tables on the terminal."""

from __future__ import annotations

import sys
from typing import Any

_PIPE_WIDTH = 160


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows with the same keys as a table."""
    from rich.console import Console
    from rich.table import Table

    # A pipe has no width; without this, cells would be cut.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table()
    for name in rows[0] if rows else ["no version yet"]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
