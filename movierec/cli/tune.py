"""`movierec tune`: search an algorithm's parameters and, with --write, store the best in its configuration."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from movierec.cli.inputs import DatasetOption, Files, TestFile, TrainFile, ValidFile, evaluation_inputs


def tune(
    model: Annotated[str, typer.Argument(help="Algorithm with a file in configs/tuning.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; those of an earlier call count.")] = 30,
    protocol: Annotated[str, typer.Option(help="Protocol whose validation part judges.")] = "latest20",
    metric: Annotated[str, typer.Option(help="Figure to make better.")] = "ndcg_at_10",
    dataset: DatasetOption = None,
    train_file: TrainFile = None,
    valid_file: ValidFile = None,
    test_file: TestFile = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Fix a parameter: key=value.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search and of the training.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Put the best into configs/models, the study named.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search an algorithm's parameters on a validation part; resumable.

    Example: movierec tune als --trials 50 --protocol ms-item75 --write
    A published split: movierec tune als --protocol files --train t.csv --valid v.csv --test s.csv
    """
    from training.config import require_checkout

    if write:
        require_checkout("--write")  # before the libraries, which take long to import
    from movierec.cli.progress import reporter
    from training.pipeline.tune import Search, load_space, write_parameters
    from training.pipeline.tune import tune as search_parameters

    rules, data = evaluation_inputs(protocol, dataset, Files(train_file, valid_file, test_file))
    search = Search(model, data, rules, metric, seed, load_space(model), overrides or ())
    with reporter() as progress:
        result = search_parameters(search, trials, progress=progress)
    file = str(write_parameters(result, model)) if write else None
    if as_json:
        typer.echo(json.dumps(asdict(result) | {"written": file}))
        return
    chosen = ", ".join(f"{key} {value:.4g}" for key, value in result.parameters.items())
    typer.echo(
        f"Study {result.study}: {result.metric} {result.value:.4f} on validation after {result.trials} trials: {chosen}"
    )
    if file:
        typer.echo(f"Written to {file}.")
