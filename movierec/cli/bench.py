"""`movierec bench`: measure speed, memory, reliability and quality on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from movierec.cli.common.output import AsJson
from movierec.cli.common.services import Stop, stop_signals
from recommender.errors import MissingInputError, UsageError

if TYPE_CHECKING:
    from benchmarks.tools.figures import Figure


# Each but `all` is a module of `benchmarks` or `benchmarks.service` with `run(size, rounds) -> list[Figure]`.
Benchmark = Literal[
    "ingest", "svd", "als", "topk", "recommend", "evaluate", "pipeline", "train", "replicate", "gate", "serve",
    "webapp", "reliability", "growth", "spark", "missing", "loop", "chaos", "whole", "all",
]  # fmt: skip
_OF_SERVICE = {"serve", "webapp", "reliability", "chaos"}  # in `benchmarks.service`
# Spark needs a dependency group and Java, missing real files; growth measures pipeline again, in processor time; chaos
# breaks things by chance; whole takes hours.
_NOT_IN_ALL = {"all", "spark", "growth", "missing", "chaos", "whole"}


def bench(
    name: Annotated[Benchmark, typer.Argument(help="What to measure.")],
    size: Annotated[float, typer.Option(help="Share of the full size, for a quick look.", min=0.001, max=1.0)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Rounds that the median is taken over.", min=1)] = 3,
    as_json: AsJson = False,
    section: Annotated[
        list[str] | None, typer.Option(help="Of replicate: only this section of docs/results.md. Repeatable.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Of chaos: how long faults are injected.", min=0.1)] = 5.0,
    seed: Annotated[int, typer.Option(help="Of chaos: which faults are drawn.", min=0)] = 1,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Update benchmarks/RESULTS.md, or docs/results.md; at full size only, but for whole."
        ),
    ] = False,
) -> None:
    """Measure ratios of two things run in turn on this machine; exit 1 when a target is missed.

    Example: movierec bench topk --size 0.2 --json
    """
    if write and size < 1 and name != "whole":
        raise UsageError("--write takes figures of the full size alone; leave --size out.")
    if section and name != "replicate":
        raise UsageError(f"--section belongs to replicate, not to {name}.")
    chosen = [benchmark for benchmark in get_args(Benchmark) if benchmark not in _NOT_IN_ALL]
    say = (lambda text: None) if as_json else typer.echo
    options: dict[str, dict[str, Any]] = {
        "replicate": {"sections": section or (), "say": say, "write": write},
        "chaos": {"minutes": minutes, "seed": seed, "say": say},
        "whole": {"say": say},
    }
    figures: list[Figure] = []
    with _clean_stop():
        for benchmark in chosen if name == "all" else [name]:
            module = _module(f"service.{benchmark}" if benchmark in _OF_SERVICE else benchmark)
            measured = module.run(size=size, rounds=rounds, **options.get(benchmark, {}))
            for figure in measured:
                typer.echo(json.dumps(figure.as_dict()) if as_json else _line(figure))
            if write and benchmark != "replicate":  # which has a page of its own
                _module("tools.results").write_section(benchmark, measured, size)
            figures += measured
    if not as_json:
        typer.echo(_module("tools.figures").machine_line())
    if any(figure.passed is False for figure in figures):
        raise typer.Exit(1)


@contextmanager
def _clean_stop() -> Iterator[None]:
    """Let a signal to stop end what a benchmark has started, and then the command."""
    try:
        with stop_signals():
            yield
    except Stop:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(1) from None


def _module(name: str) -> Any:
    """Return the module `name` of the benchmarks. Raises MissingInputError where they are not at hand."""
    try:
        return import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "benchmarks":
            raise
        raise MissingInputError(
            "`movierec bench` needs a checkout of the repository: an installed movierec holds no benchmarks."
        ) from None


def _line(figure: Figure) -> str:
    verdict = {True: "pass", False: "MISS", None: "    "}[figure.passed]
    bound = "" if figure.target is None else f" (target {'<=' if figure.better == 'lower' else '>='} {figure.target:g})"
    sides = "" if figure.theirs is None else f"; ours {figure.ours:.4g} {figure.unit}, theirs {figure.theirs:.4g}"
    note = f"; {figure.note}" if figure.note else ""
    return f"{verdict}  {figure.figure}: {figure.ratio:.3g}{bound}{sides}; rounds {figure.rounds}{note}"
