"""Entry point of the `movierec` command.

Each sub-command is named here and lives in a module of its own, which is imported only when that command runs: `--help`
stays quick and `movierec serve` starts without pandas, MLflow or the training libraries.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from recommender.errors import MissingInputError, MovierecError

COMPLETION_OPTIONS = {"install_completion", "show_completion"}  # typer adds them to every app that stands alone


# Where a module of these is missing, the code is wrong, not the installation.
_OWN_PACKAGES = {
    "client",
    "online",
    "recommender",
    "training",
    "serving",
    "webapp",
    "movierec",
    "benchmarks",
    "testing",
}


class Mount(NamedTuple):
    """Where a sub-command is defined (`module:attribute`, a function or a Typer app), and its line in `--help`."""

    target: str
    help: str
    lists: tuple[str, ...] = ()  # options that take several values: `--k 10 20`

    def load(self, name: str) -> Any:
        """Import the sub-command's module and return the command."""
        module, _, attribute = self.target.partition(":")
        defined = getattr(import_module(module), attribute)
        if not isinstance(defined, typer.Typer):
            function, defined = defined, typer.Typer(add_completion=False)
            defined.command(name)(function)
        command = get_command(defined)
        command.params = [param for param in command.params if param.name not in COMPLETION_OPTIONS]
        return command


# In the order in which a newcomer needs them.
MOUNTS = {
    "demo": Mount(
        "movierec.cli.demo:demo", "Prepare the data, train every model, promote the composite, and serve until Ctrl-C."
    ),
    "data": Mount("movierec.cli.data:app", "Fetch, clean, describe and synthesise data sets."),
    "train": Mount("movierec.cli.train:train", "Evaluate, refit on all data and register one model, or all."),
    "evaluate": Mount(
        "movierec.cli.train:evaluate", "Judge algorithms by one protocol, without registering anything.", ("--k",)
    ),
    "score": Mount(
        "movierec.cli.score:score",
        "Judge anybody's lists or predicted ratings under every convention in use, and name who uses which.",
        ("--k",),
    ),
    "tune": Mount("movierec.cli.tune:tune", "Search an algorithm's parameters on a validation part; resumable."),
    "compare": Mount("movierec.cli.train:compare", "Print every version with its figures, newest first."),
    "events": Mount("movierec.cli.events:app", "Export or erase what people did with recommendations."),
    "promote": Mount(
        "movierec.cli.promote:promote",
        "Let the gate judge a version; make it the champion if it passes. Exits with 3 where it does not.",
    ),
    "rollback": Mount("movierec.cli.promote:rollback", "Make the previous champion the champion again."),
    "relocate": Mount(
        "movierec.cli.promote:relocate",
        "Write the artifact addresses of the tracking store anew, after its directory was moved or copied.",
    ),
    "experiment": Mount(
        "movierec.cli.experiment:app", "Compare the champion with a challenger on people: plan, start, status, stop."
    ),
    "diff": Mount(
        "movierec.cli.promote:diff",
        "Show what a promotion would change: films that enter and leave lists, and whose lists change most.",
    ),
    "recommend": Mount(
        "movierec.cli.recommend:recommend",
        "Print films like a film or for a person, or write lists for everybody to a file.",
    ),
    "serve": Mount("movierec.cli.serve:serve", "Answer over HTTP from the promoted model version."),
    "pull": Mount("movierec.cli.serve:pull", "Follow the registry for workers that run with serve --no-pull."),
    "webapp": Mount("movierec.cli.serve:webapp", "Start the web page, without a browser and without telemetry."),
    "simulate": Mount(
        "movierec.cli.simulate:simulate", "Let people with planted tastes use a running service over HTTP."
    ),
    "bench": Mount(
        "movierec.cli.bench:bench",
        "Measure ratios of two things run in turn on this machine; exit 1 when a target is missed.",
    ),
}


def one_value_each(args: list[str], options: tuple[str, ...]) -> list[str]:
    """Return arguments with `--k 10 20` as `--k 10 --k 20`, which is what click reads, for each of `options`."""
    result: list[str] = []
    option = ""  # whose values are being read
    for arg in args:
        if arg in options:
            option = arg
        elif option and arg.isdigit():
            result += [option] if result[-1] != option else []
        else:
            option = ""
        result.append(arg)
    return result


class LazyGroup(TyperGroup):
    """A group that lists the mounted commands without importing them, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, mount in MOUNTS.items():
            self.add_command(TyperCommand(name, help=mount.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Replace the placeholder of the called command with the real one, then resolve as usual."""
        if args[0] in MOUNTS:
            self.add_command(MOUNTS[args[0]].load(args[0]), args[0])
            args = one_value_each(args, MOUNTS[args[0]].lists)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Example: movierec demo --dataset ml-100k",
)


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"movierec {version('movierec')}")
        raise typer.Exit


@app.callback()
def movierec(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Raw MovieLens ratings to a promoted model behind an API and a web page."""


def run() -> None:
    """Run the command line; an expected error prints its message on stderr and sets its exit code."""
    # With OpenBLAS threads implicit takes twice as long and is not repeatable; numpy reads this when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # pandera imports pyspark.pandas where there is one; we do not use it.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    try:
        app()
    except MovierecError as error:
        typer.secho(f"movierec: {error}", fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
    except MemoryError as error:
        text = f"movierec: This needs more memory than there is ({error}). Take fewer factors or smaller data."
        typer.secho(text, fg=typer.colors.RED, err=True)
        sys.exit(MovierecError.exit_code)
    except ImportError as error:
        if (error.name or "").partition(".")[0] in _OWN_PACKAGES:
            raise
        text = f"movierec: This command misses a library ({error}): pip install movierec"
        typer.secho(text, fg=typer.colors.RED, err=True)
        sys.exit(MissingInputError.exit_code)


if __name__ == "__main__":
    run()
