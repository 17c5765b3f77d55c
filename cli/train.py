"""`movierec train`, `evaluate` and `compare`: from data to registered versions, and what is known of them."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset

_PIPE_WIDTH = 160
Dataset = Annotated[str, typer.Option(help="Processed data set; it is made first where that is possible.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change the configuration: key=value. Repeatable.")]
Seed = Annotated[int, typer.Option(help="Seed of the training.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def train(
    model: Annotated[str, typer.Argument(help="Algorithm, or `all` for every one and the composite.")],
    dataset: Dataset = "ml-100k",
    overrides: Set = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Evaluate, refit on all data and register one model, or all.

    Example: movierec train als --set factors=32
    """
    from cli.progress import reporter
    from training.pipeline import train as train_models

    began = time.monotonic()
    with reporter() as progress:
        trained = train_models(model, processed(dataset), seed=seed, overrides=overrides or (), progress=progress)
    if as_json:
        for each in trained:
            typer.echo(json.dumps(_record(each)))
        return
    _show_versions({each.version for each in trained})
    typer.echo(f"Trained and registered in {time.monotonic() - began:.1f} s.")


def compare(
    dataset: Annotated[str | None, typer.Option(help="Only versions of this data set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every version with its figures, newest first.

    Example: movierec compare --dataset ml-100k
    """
    from training.comparison import rows
    from training.tracking import Tracker

    found = rows(Tracker.existing(), dataset)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)


def processed(name: str) -> ProcessedDataset:
    """The processed data set `name`, prepared from its raw files where it is not there yet."""
    from recommender.errors import MissingInputError
    from training.datasets.store import load_dataset, prepare

    try:
        return load_dataset(name)
    except MissingInputError:
        return prepare(name)


def _record(trained: Any) -> dict[str, Any]:
    metrics = {f"{metric.protocol}/{metric.name}": metric.value for metric in trained.metrics}
    return {"algorithm": trained.algorithm, "version": trained.version, "run_id": trained.run_id, "metrics": metrics}


def _show_versions(numbers: set[int]) -> None:
    from training.comparison import rows
    from training.tracking import Tracker

    _show([row for row in rows(Tracker.existing()) if row["version"] in numbers])


def _show(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    # A pipe has no width of its own; cut cells would help nobody there.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    table = Table()
    for name in found[0] if found else ["no version yet"]:
        table.add_column(name.replace("_", " "))
    for row in found:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
