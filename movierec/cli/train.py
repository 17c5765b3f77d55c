"""`movierec train`, `evaluate` and `compare`: train and evaluate models, and list registered versions."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from movierec.cli.common.inputs import (
    DEFAULT,
    DatasetOption,
    Files,
    Lengths,
    MaskOption,
    OrderIsTime,
    TestFile,
    TrainFile,
    ValidFile,
    dataset_name,
    duration,
    evaluation_inputs,
    load_or_prepare,
)
from movierec.cli.common.output import AsJson, show, warn
from movierec.cli.common.progress import reporter
from recommender.errors import UsageError

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset
    from training.evaluation.result import Evaluation
    from training.splits.protocol import ProtocolConfig

Dataset = Annotated[
    str,
    typer.Option(help="Processed data set; it is made first where that is possible.", callback=dataset_name()),
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change the configuration: key=value. Repeatable.")]
Seed = Annotated[int, typer.Option(help="Seed of the training.")]
# Of the table of versions, which fits 100 characters: head, and key of a row.
_COLUMNS = {
    "version": "version",
    "algorithm": "algorithm",
    "alias": "alias",
    "ndcg": "ndcg_at_10",
    "coverage": "coverage_at_10",
    "weighted hit": "titles_weighted_hit",
    "verdict": "verdict",
    "changes": "changes",
}


def train(
    model: Annotated[str, typer.Argument(help="Algorithm, or `all` for every one and the composite.")],
    dataset: Dataset = DEFAULT,
    overrides: Set = None,
    seed: Seed = 0,
    engine: Annotated[
        Literal["local", "spark"], typer.Option(help="Where `als` is fitted; see docs/scaling.md.")
    ] = "local",
    master: Annotated[str | None, typer.Option(help="Address of the Spark cluster, as spark-submit takes it.")] = None,
    exchange: Annotated[str | None, typer.Option(help="Directory or URL that Spark's machines share.")] = None,
    ratings: Annotated[
        str | None, typer.Option(help="CSV or Parquet that Spark reads: other ratings of the films.")
    ] = None,
    further: Annotated[
        list[str] | None, typer.Option("--with", help="Model beside `all`, such as one of your own. Repeatable.")
    ] = None,
    tune_for: Annotated[
        str | None,
        typer.Option("--tune", metavar="TIME", help="Search parameters of `all` first: 15m, 90s."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate, refit on all data and register one model, or all.

    Example: movierec train als --set factors=32
    One budget for the parameters of all: movierec train all --tune 15m
    """
    from training.pipeline.request import ALL, check_request

    tune_seconds = duration(tune_for)
    if engine == "local":
        check_request(model, overrides or (), further or (), tune_seconds)
    from training.pipeline.plan import left_out
    from training.pipeline.train import train as train_models
    from training.progress import Clock

    began = time.monotonic()
    changes = overrides or []
    spark_options = {name: value for name, value in (("master", master), ("exchange", exchange)) if value}
    if engine == "spark":
        model, changes = _on_spark(model, changes, spark_options)
    elif spark_options or ratings:
        raise UsageError("--master, --exchange and --ratings belong to --engine spark.")
    data = load_or_prepare(dataset)
    if ratings:
        from training.spark.ratings import read_dataset  # pyspark need not be installed

        data = read_dataset(ratings, data, **spark_options)
    with reporter() as progress:
        clock = Clock()
        versions = train_models(
            model,
            data,
            seed=seed,
            overrides=changes,
            further=further or (),
            tune_seconds=tune_seconds,
            progress=progress,
            say=warn,
            clock=clock,
        )
    if as_json:
        for version in versions:
            record = {"algorithm": version.algorithm, "version": version.version, "run_id": version.run_id}
            metrics = {f"{metric.protocol}/{metric.name}": metric.value for metric in version.metrics}
            typer.echo(json.dumps(record | {"metrics": metrics}))
        return
    _show_versions({version.version for version in versions})
    for name, reason in left_out(data).items() if model == ALL else ():
        typer.echo(f"{name} was left out: {reason}.")
    typer.echo(f"Trained and registered in {time.monotonic() - began:.1f} s, several at once: {clock}.")


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
    order_is_time: OrderIsTime = False,
    refit_with_valid: Annotated[
        bool, typer.Option("--refit-with-valid", help="Fit on the training and the validation file.")
    ] = False,
    k: Lengths = None,
    as_json: AsJson = False,
) -> None:
    """Judge algorithms by one protocol, without registering anything.

    Example: movierec evaluate --protocol ms-item75 --model als --model ease --k 10 20 40
    """
    from training.models import configure

    if overrides and len(model) > 1:
        raise UsageError("--set changes one algorithm; name one --model.")
    configs = {name: configure(name, overrides or ()) for name in model}
    from training.evaluation.significance import against_first
    from training.models.needs import check_needs
    from training.pipeline.judge import judge_models, weighing_fits
    from training.pipeline.plan import size_of

    files = Files(train_file, valid_file, test_file, mask, order_is_time, refit_with_valid)
    rules, data = evaluation_inputs(protocol, dataset, files)
    rules = rules.with_lengths(k) if k else rules
    check_needs(configs, size_of(data), warn, weighing_fits(rules))
    with reporter() as progress:
        seeds = range(seed, seed + trainings)
        evaluations = judge_models(configs, data, rules, training_seeds=seeds, progress=progress)
    stamp: dict[str, str | int] = {"protocol": protocol, "dataset": data.name, "fingerprint": data.fingerprint}
    target = next(iter(evaluations.values())).target
    stamp |= {"seed": seed, "trainings": trainings, "relevant and trained for": target, **files.choices}
    if as_json:
        for name, evaluation in evaluations.items():
            metrics = [metric.model_dump(exclude={"run_id"}) for metric in evaluation.metrics]
            typer.echo(json.dumps({"model": name, **stamp, "metrics": metrics}))
        return
    typer.echo(", ".join(f"{key} {value}" for key, value in stamp.items()))
    show([{"metric": metric, **values} for metric, values in _table(evaluations).items()])
    for name, comparison in against_first(evaluations).items():
        typer.echo(
            f"{name} against {model[0]}, {comparison.metric}: {comparison.difference:+.4f} "
            f"[{comparison.difference_lo:+.4f}, {comparison.difference_hi:+.4f}], p = {comparison.p_adjusted:.4f}"
        )
    if rules.split.kind == "latest":
        headline = next(iter(next(iter(evaluations.values())).per_user))
        _show_gaps(evaluations, data, rules, headline)


def _show_gaps(evaluations: dict[str, Evaluation], data: ProcessedDataset, rules: ProtocolConfig, metric: str) -> None:
    """Print a metric by how long people had been away: most held-out ratings are of the sitting that trains."""
    from training.evaluation.returns import by_gap
    from training.splits.cut import splits

    (split,) = splits(rules, data, rules.seeds[0])
    groups = {name: by_gap(evaluation, data, split, metric) for name, evaluation in evaluations.items()}
    typer.echo(f"{metric} by the time from the last training rating to the first test rating:")
    show(
        [
            {"gap": of_gap[0].label, "people": str(of_gap[0].users)}
            | {name: group.mean if group.users else None for name, group in zip(groups, of_gap, strict=True)}
            for of_gap in zip(*groups.values(), strict=True)
        ]
    )


def _table(evaluations: dict[str, Evaluation]) -> dict[str, dict[str, str]]:
    """Return metric -> model -> value with its interval, as text."""
    rows: dict[str, dict[str, str]] = {}
    for name, evaluation in evaluations.items():
        for metric in evaluation.metrics:
            interval = "" if metric.lo is None else f" [{metric.lo:.4f}, {metric.hi:.4f}]"
            rows.setdefault(metric.name, dict.fromkeys(evaluations, ""))[name] = f"{metric.value:.4f}{interval}"
    return rows


def compare(
    dataset: Annotated[str | None, typer.Option(help="Only versions of this data set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every version with its figures, newest first.

    Example: movierec compare --dataset ml-100k
    """
    from training.registry import Tracker
    from training.registry.versions_table import rows

    versions = rows(Tracker.existing(), dataset)
    if as_json:
        typer.echo(json.dumps(versions))
    else:
        _show_registered(versions)


def _on_spark(model: str, overrides: list[str], options: dict[str, str]) -> tuple[str, list[str]]:
    """Return the model name and configuration changes that fit `model` on Spark."""
    if model != "als":
        raise UsageError(f"Spark fits als alone; expected `movierec train als --engine spark`, found {model!r}.")
    return "spark_als", [f"als.{change}" for change in overrides] + [f"{key}={value}" for key, value in options.items()]


def _show_versions(numbers: set[int]) -> None:
    from training.registry import Tracker
    from training.registry.versions_table import rows

    _show_registered([row for row in rows(Tracker.existing()) if row["version"] in numbers])


def _show_registered(versions: list[dict[str, Any]]) -> None:
    """Print a table of the versions of each data set and protocol, then in red those that do worse than popularity."""
    groups: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for version in versions:
        row = {head: version[key] for head, key in _COLUMNS.items()}
        row["algorithm"] += " (!)" if version["warning"] else ""
        row["alias"] = row["alias"].replace(", ", "\n")
        groups.setdefault((version["dataset"], version["people_protocol"]), []).append(row)
    for (dataset, protocol), rows in groups.items():
        typer.echo(f"{dataset}, ndcg and coverage by {protocol}; --json has all figures:")
        show(rows)
    if not groups:
        show([])
    for version in versions:
        if version["warning"]:
            warning = f"WARNING (!) version {version['version']}, {version['algorithm']}: {version['warning']}"
            typer.secho(warning, fg=typer.colors.RED, bold=True)
