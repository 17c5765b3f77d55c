"""`movierec tune`: search an algorithm's parameters and, on request, put the best into its configuration."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer


def tune(
    model: Annotated[str, typer.Argument(help="Algorithm with a file in configs/tuning.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; those of an earlier call count.")] = 30,
    protocol: Annotated[str, typer.Option(help="Protocol whose validation part judges.")] = "latest20",
    metric: Annotated[str, typer.Option(help="Figure to make better.")] = "ndcg_at_10",
    dataset: Annotated[str, typer.Option(help="Processed data set.")] = "ml-100k",
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Fix a parameter: key=value.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search and of the training.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Put the best into configs/models, the study named.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search an algorithm's parameters on a validation part; resumable.

    Example: movierec tune als --trials 50 --protocol ms-item75 --write
    """
    from cli.progress import reporter
    from cli.train import processed
    from training.protocol import load_protocol
    from training.tuning import Search, load_space, write_parameters
    from training.tuning import tune as search_parameters

    search = Search(
        model, processed(dataset), load_protocol(protocol), metric, seed, load_space(model), overrides or ()
    )
    with reporter() as progress:
        best = search_parameters(search, trials, progress=progress)
    if as_json:
        typer.echo(json.dumps(asdict(best)))
    else:
        chosen = ", ".join(f"{key} {value:.4g}" for key, value in best.parameters.items())
        typer.echo(
            f"Study {best.study}: {best.metric} {best.value:.4f} on validation after {best.trials} trials: {chosen}"
        )
    if write:
        typer.echo(f"Written to {write_parameters(best, model)}.")
