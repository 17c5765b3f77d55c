"""`movierec tune`: search an algorithm's parameters and, with --write, store the best in its configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from movierec.cli.common.inputs import (
    DatasetOption,
    Files,
    OrderIsTime,
    TestFile,
    TrainFile,
    ValidFile,
    evaluation_inputs,
)
from movierec.cli.common.output import AsJson, show, warn
from movierec.cli.common.progress import reporter

if TYPE_CHECKING:
    from training.pipeline.tune import Trial


def tune(
    model: Annotated[
        str, typer.Argument(help="Algorithm with a file in configs/tuning, or one of your own that declares ranges.")
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; those of an earlier call count.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Begin no further trial after so long.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="Protocol whose validation part judges.")] = "latest20",
    metric: Annotated[str, typer.Option(help="Figure to make better.")] = "ndcg_at_10",
    dataset: DatasetOption = None,
    train_file: TrainFile = None,
    valid_file: ValidFile = None,
    test_file: TestFile = None,
    order_is_time: OrderIsTime = False,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Fix a parameter: key=value.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search and of the training.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Put the best into configs/models, the study named.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search an algorithm's parameters on a validation part; resumable.

    Example: movierec tune als --trials 50 --protocol ms-item75 --write
    A published split: movierec tune als --protocol files --train t.csv --valid v.csv --test s.csv
    """
    from training.config import require_checkout
    from training.models import configure

    configure(model, overrides or ())  # before the libraries, which take long to import
    if write:
        require_checkout("--write")
    from training.pipeline.space import load_space, searched_space
    from training.pipeline.tune import Search, finished_trials, require_file, write_parameters
    from training.pipeline.tune import tune as search_parameters
    from training.splits.protocol import load_protocol

    if write:
        require_file(model)
    load_space(model)
    load_protocol(protocol).check_metric(metric)
    rules, data = evaluation_inputs(
        protocol, dataset, Files(train_file, valid_file, test_file, order_is_time=order_is_time)
    )
    space, left_out = searched_space(model, data, overrides or ())
    for key, reason in left_out.items():
        warn(f"{key} is not searched: {reason}.")
    search = Search(model, data, rules, metric, seed, space, overrides or ())
    try:
        with reporter() as progress:
            result = search_parameters(search, trials, timeout=timeout, progress=progress)
    except KeyboardInterrupt:
        _show_trials(finished_trials(search), metric)
        typer.echo(f"Stopped. The same command goes on with study {search.name}.")
        raise
    file = str(write_parameters(result, model)) if write else None
    if as_json:
        typer.echo(json.dumps(asdict(result) | {"written": file}))
        return
    _show_trials(result.history, metric)
    chosen = ", ".join(f"{key} {value:.4g}" for key, value in result.parameters.items())
    typer.echo(
        f"Study {result.study}: {result.metric} {result.value:.4f} on validation after {result.trials} trials: {chosen}"
    )
    if result.trials < trials:
        typer.echo(f"Stopped by --timeout before trial {result.trials + 1} of {trials}; the same command goes on.")
    if file:
        typer.echo(f"Written to {file}.")


def _show_trials(trials: Sequence[Trial], metric: str) -> None:
    """Print every finished trial as a table."""
    show(
        [
            {"trial": trial.number, metric: trial.value, "state": trial.state}
            | {key: f"{value:.6g}" for key, value in trial.parameters.items()}
            for trial in trials
        ],
        nothing="no trial has finished",
    )
