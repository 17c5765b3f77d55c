"""What several commands print: tables, sentences, notes on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
EVERYTHING_LIKED = (
    "Every interaction counts as a like. Where some say more than others, give kinds of events different weights "
    "(--weights), or a rating of the highest kind as --like."
)
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


def warn(text: str) -> None:
    """Print a sentence on stderr that whoever called should know, though nothing is wrong."""
    typer.echo(f"movierec: {text}", err=True)


def dropped_rows(counts: Mapping[str, int]) -> str:
    """Say how many rows were left out of a data set, by reason."""
    if not counts:
        return "No row was left out."
    reasons = "; ".join(f"{count:,} for {reason}" for reason, count in counts.items())
    return f"Left out {sum(counts.values()):,} rows: {reasons}."


def noted_counts(counts: Mapping[str, int]) -> str:
    """Say what may be a mistake in the description of a data set, to be put behind another sentence."""
    return (
        " Note: " + ", ".join(f"{count:,} {key.replace('_', ' ')}" for key, count in counts.items()) + "."
        if counts
        else ""
    )
