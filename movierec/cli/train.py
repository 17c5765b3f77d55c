"""`movierec train`, `evaluate` and `compare`: from data to registered versions, and what is known of them."""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movierec.cli.judged import (
    DEFAULT,
    DatasetOption,
    Files,
    MaskOption,
    TestFile,
    TrainFile,
    ValidFile,
    judged,
    processed,
)
from movierec.cli.names import dataset_name
from recommender.errors import UsageError

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset
    from training.evaluation.result import Evaluation


class Engine(StrEnum):
    """Where a model is fitted."""

    local = "local"
    spark = "spark"


_PIPE_WIDTH = 160
Dataset = Annotated[
    str,
    typer.Option(help="Processed data set; it is made first where that is possible.", callback=dataset_name()),
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change the configuration: key=value. Repeatable.")]
Seed = Annotated[int, typer.Option(help="Seed of the training.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def train(
    model: Annotated[str, typer.Argument(help="Algorithm, or `all` for every one and the composite.")],
    dataset: Dataset = DEFAULT,
    overrides: Set = None,
    seed: Seed = 0,
    engine: Annotated[Engine, typer.Option(help="Where `als` is fitted; see docs/scaling.md.")] = Engine.local,
    master: Annotated[str | None, typer.Option(help="Address of the Spark cluster, as spark-submit takes it.")] = None,
    exchange: Annotated[str | None, typer.Option(help="Directory or URL that Spark's machines share.")] = None,
    ratings: Annotated[
        str | None, typer.Option(help="CSV or Parquet that Spark reads: other ratings of the films.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate, refit on all data and register one model, or all.

    Example: movierec train als --set factors=32
    """
    from movierec.cli.progress import reporter
    from training.pipeline.train import train as train_models

    began = time.monotonic()
    changes = overrides or []
    given = {name: value for name, value in (("master", master), ("exchange", exchange)) if value}
    if engine is Engine.spark:
        model, changes = _on_spark(model, changes, given)
    elif given or ratings:
        raise UsageError("--master, --exchange and --ratings belong to --engine spark.")
    data = processed(dataset)
    if ratings:
        data = _read_by_spark(ratings, data, given)
    with reporter() as progress:
        trained = train_models(model, data, seed=seed, overrides=changes, progress=progress)
    if as_json:
        for each in trained:
            typer.echo(json.dumps(_record(each)))
        return
    _show_versions({each.version for each in trained})
    typer.echo(f"Trained and registered in {time.monotonic() - began:.1f} s.")


def evaluate(
    model: Annotated[
        list[str], typer.Option(help="Algorithm; repeatable: the later ones are compared with the first.")
    ],
    protocol: Annotated[str, typer.Option(help="Protocol of configs/protocols.")] = "latest20",
    dataset: DatasetOption = None,
    overrides: Set = None,
    seed: Seed = 0,
    trainings: Annotated[int, typer.Option(min=1, help="Training seeds to average over.")] = 1,
    train_file: TrainFile = None,
    valid_file: ValidFile = None,
    test_file: TestFile = None,
    mask: MaskOption = "train",
    as_json: AsJson = False,
) -> None:
    """Judge algorithms by one protocol, without registering anything.

    Example: movierec evaluate --protocol ms-item75 --model als --model ease
    """
    from movierec.cli.progress import reporter
    from training.evaluation.significance import compare, holm
    from training.models import configure
    from training.pipeline.judge import judge_models

    if overrides and len(model) > 1:
        raise UsageError("--set changes one algorithm; name one --model.")
    rules, data = judged(protocol, dataset, Files(train_file, valid_file, test_file, mask))
    configs = {name: configure(name, overrides or ()) for name in model}
    with reporter() as progress:
        seeds = range(seed, seed + trainings)
        found = judge_models(configs, data, rules, training_seeds=seeds, progress=progress)
    stamp = {"protocol": protocol, "dataset": data.name, "fingerprint": data.fingerprint, "seed": seed}
    stamp["trainings"] = trainings
    if as_json:
        for name, evaluation in found.items():
            metrics = [metric.model_dump(exclude={"run_id"}) for metric in evaluation.metrics]
            typer.echo(json.dumps({"model": name, **stamp, "metrics": metrics}))
        return
    typer.echo(", ".join(f"{key} {value}" for key, value in stamp.items()))
    _show([{"metric": metric, **line} for metric, line in _lines(found).items()])
    first, *others = found.values()
    headline = next(iter(first.per_user))
    for name, each in zip(list(found)[1:], holm([compare(other, first, headline) for other in others]), strict=True):
        typer.echo(
            f"{name} against {model[0]}, {headline}: {each.difference:+.4f} "
            f"[{each.difference_lo:+.4f}, {each.difference_hi:+.4f}], p = {each.p_adjusted:.4f}"
        )


def _lines(found: dict[str, Evaluation]) -> dict[str, dict[str, str]]:
    """Metric -> model -> value with its interval."""
    lines: dict[str, dict[str, str]] = {}
    for name, evaluation in found.items():
        for metric in evaluation.metrics:
            reach = "" if metric.lo is None else f" [{metric.lo:.4f}, {metric.hi:.4f}]"
            lines.setdefault(metric.name, dict.fromkeys(found, ""))[name] = f"{metric.value:.4f}{reach}"
    return lines


def compare(
    dataset: Annotated[str | None, typer.Option(help="Only versions of this data set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every version with its figures, newest first.

    Example: movierec compare --dataset ml-100k
    """
    from training.registry import Tracker
    from training.registry.versions_table import rows

    found = rows(Tracker.existing(), dataset)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)


def _on_spark(model: str, overrides: list[str], given: dict[str, str]) -> tuple[str, list[str]]:
    """The model and configuration changes that fit `model` on Spark."""
    if model != "als":
        raise UsageError(f"Spark fits als alone; expected `movierec train als --engine spark`, found {model!r}.")
    return "spark_als", [f"als.{change}" for change in overrides] + [f"{key}={value}" for key, value in given.items()]


def _read_by_spark(ratings: str, films: ProcessedDataset, given: dict[str, str]) -> ProcessedDataset:
    from training.spark.ratings import read_dataset

    return read_dataset(ratings, films, **given)


def _record(trained: Any) -> dict[str, Any]:
    metrics = {f"{metric.protocol}/{metric.name}": metric.value for metric in trained.metrics}
    return {"algorithm": trained.algorithm, "version": trained.version, "run_id": trained.run_id, "metrics": metrics}


def _show_versions(numbers: set[int]) -> None:
    from training.registry import Tracker
    from training.registry.versions_table import rows

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
