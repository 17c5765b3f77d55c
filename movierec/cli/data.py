"""`movierec data`: raw MovieLens files in, processed data sets out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from movierec.cli import own_data as own
from movierec.cli.common.inputs import dataset_name
from movierec.cli.common.output import EVERYTHING_LIKED, AsJson, dropped_rows, noted_counts
from movierec.cli.common.progress import reporter
from recommender import home
from recommender.errors import UsageError
from recommender.files import marked_files, require_new, require_replaceable

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset

app = typer.Typer(
    help="Fetch, clean, describe and synthesise data sets.",
    no_args_is_help=True,
    epilog="Example: movierec data prepare ml-100k",
)

Name = Annotated[str, typer.Argument(help="Data set, for example ml-100k.", callback=dataset_name())]


def _expanded(path: Path | None) -> Path | None:
    """Replace a leading `~`, which a shell leaves as it is in `--option=~/directory`."""
    return None if path is None else path.expanduser()


ProcessedRoot = Annotated[
    Path | None,
    typer.Option(
        "--processed", help="Directory of the processed data sets; default: data/processed.", callback=_expanded
    ),
]


@app.command(epilog="Example: movierec data fetch ml-25m")
def fetch(
    name: Annotated[
        str,
        typer.Argument(help="Data set of the catalogue, for example ml-25m or tag-genome.", callback=dataset_name()),
    ],
    mirror: Annotated[
        str | None, typer.Option(help="Directory or base URL that holds the archives.", envvar="MOVIEREC_MIRROR")
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Fetch again what was fetched before; files put there by hand stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the raw files of a data set: from a copy at hand, a mirror, or GroupLens."""
    from training.datasets.fetching.fetch import fetch as fetch_dataset

    with reporter() as progress:
        directory = fetch_dataset(name, mirror=mirror, force=force, progress=progress)
    typer.echo(json.dumps({"name": name, "directory": str(directory)}) if as_json else f"{name} is in {directory}/.")


@app.command(epilog="Example: movierec data prepare ml-latest-small --raw ~/Downloads/ml-latest-small")
@own.described_by_options
def prepare(
    name: Name,
    raw: Annotated[Path | None, typer.Option(help="Directory of the raw files.")] = None,
    credits: Annotated[
        Path | None, typer.Option(help="Film credits: a CSV with movieId or imdbId, directors, actors.")
    ] = None,
    genome: Annotated[Path | None, typer.Option(help="Directory of a tag genome, for a data set without one.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Directory of film articles: movies-*.json as in prust/wikipedia-movie-data.")
    ] = None,
    processed: ProcessedRoot = None,
    max_bad_share: Annotated[
        float | None, typer.Option(help="Tolerated share of bad rows; default: the configured one.", min=0, max=1)
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Add what people rated and watched at the service, the latest of each.")
    ] = False,
    events_store: Annotated[
        Path | None,
        typer.Option(
            help="Store of the service that took the events; default: MOVIEREC_STORE_DIR, else var/models.",
            envvar="MOVIEREC_STORE_DIR",
            show_envvar=False,
            callback=_expanded,
        ),
    ] = None,
    force: Annotated[bool, typer.Option(help="Process again even when nothing has changed.")] = False,
    source: Annotated[
        Path | None,
        typer.Option(help="Description of your own tables; default: data/sources/NAME.yaml, if it is there."),
    ] = None,
    as_json: AsJson = False,
    **described: Any,
) -> None:
    """Read, clean and store a data set; unchanged inputs are not processed again.

    MovieLens's own files are found by themselves or with --raw; any other tables are described by a YAML, which
    `movierec data draft` writes, or by options.
    """
    from training.datasets.store import prepare as prepare_dataset
    from training.splits.requirements import require_a_protocol

    dataset = prepare_dataset(
        name,
        raw=raw,
        source=own.source_config(name, raw, source, described),
        scale=described["scale"],
        like=described["like"],
        credits=credits,
        genome=genome,
        texts=texts,
        processed_root=processed,
        max_bad_share=max_bad_share,
        events=events,
        events_store=events_store if events else None,
        force=force,
    )
    require_a_protocol(dataset)
    _show_prepared(dataset, processed, as_json)


@app.command(epilog="Example: movierec data draft books ratings.csv.gz books.parquet")
def draft(
    name: Name,
    files: Annotated[list[Path], typer.Argument(help="Files of interactions and of items, in any order.")],
    out: Annotated[
        Path | None, typer.Option(help="Description to write; default: data/sources/NAME.yaml.", callback=_expanded)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at tables of your own and write a commented description of them, to be corrected and prepared."""
    from training.datasets.tabular.draft import write_draft

    path = write_draft(name, files, out)
    command = f"movierec data prepare {name}" + (f" --source {path}" if out else "")
    typer.echo(
        json.dumps({"name": name, "description": str(path)})
        if as_json
        else f"{path} says what was guessed. Correct it, then run `{command}`."
    )


@app.command(epilog="Example: movierec data synth --users 10000 --movies 5000 --ratings 1000000 --genome")
def synth(
    users: Annotated[int | None, typer.Option(help="Number of people.", min=1)] = None,
    movies: Annotated[int | None, typer.Option(help="Number of films.", min=1)] = None,
    ratings: Annotated[int | None, typer.Option(help="Number of ratings.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same files.", min=0)] = None,
    genome: Annotated[bool, typer.Option(help="Write a tag genome of 1,128 tags as well.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New directory, or one of an older synthetic data set; default: data/raw/synthetic.",
            callback=_expanded,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a synthetic data set in the layout of MovieLens 25M; sizes left out are those of synthetic.yaml."""
    out = out or home.raw_data() / "synthetic"
    require_replaceable(out, marked_files("synth"))  # before the libraries, which take long to import
    from training.datasets.synth.files import write_twin
    from training.datasets.synth.world import load_synthetic_config

    sizes = {"users": users, "movies": movies, "ratings": ratings, "seed": seed}
    config = load_synthetic_config(**{name: size for name, size in sizes.items() if size is not None})
    with reporter() as progress:
        write_twin(config, out, genome=genome, progress=progress)
    written = {"directory": str(out), "users": config.users, "movies": config.movies, "ratings": config.ratings}
    typer.echo(json.dumps(written) if as_json else f"{config.ratings:,} ratings are in {out}/.")


@app.command(epilog="Example: movierec data credits ml-100k --reference other.csv --reference-raw DIR")
def credits(
    name: Name,
    table: Annotated[Path | None, typer.Option(help="Table to check; default: the one at hand for NAME.")] = None,
    reference: Annotated[Path | None, typer.Option(help="CSV of credits of another edition to compare with.")] = None,
    reference_raw: Annotated[Path | None, typer.Option(help="Raw files of that edition: its films' titles.")] = None,
    extend: Annotated[
        Path | None,
        typer.Option(help="Directory of film articles (movies-*.json): add to the table what the reference confirms."),
    ] = None,
    differences: Annotated[bool, typer.Option(help="Print each film on which the two differ.")] = False,
    processed: ProcessedRoot = None,
    as_json: AsJson = False,
) -> None:
    """Print how many ratings a table of film credits covers, and how far it agrees with another table.

    With --extend the table is extended first, in its place.
    """
    from training.datasets.credit_check import check_credits

    if (reference is None) != (reference_raw is None):
        raise UsageError("Expected --reference and --reference-raw together.")
    if extend is not None and reference is None:
        raise UsageError("Expected --extend with --reference and --reference-raw: only confirmed names are added.")
    report = check_credits(name, table, reference, reference_raw, processed, extend)
    differing_films = report.pop("differences", [])
    if as_json:
        typer.echo(json.dumps(report | ({"differences": differing_films} if differences else {})))
        return
    _show(report)
    for film in differing_films if differences else []:
        typer.echo(film)


@app.command(epilog="Example: movierec data synth-bundle --movies 60000 --users 160000 --dim 128 --out var/bundle")
def synth_bundle(
    out: Annotated[Path, typer.Option(help="Directory of the bundle; must not exist yet.", callback=_expanded)],
    movies: Annotated[int, typer.Option(help="Number of films.", min=1)] = 60_000,
    users: Annotated[int, typer.Option(help="Number of people.", min=1)] = 160_000,
    dim: Annotated[int, typer.Option(help="Dimensions of the embeddings.", min=1)] = 128,
    seed: Annotated[int, typer.Option(help="The same seed gives the same arrays.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a model bundle of any size without training, for measuring the service and the web page."""
    require_new(out)  # before the libraries, which take long to import
    from training.bundling.synthetic import Size, write

    write(out, Size(movies=movies, dimensions=dim, users=users), seed)
    written = {"directory": str(out), "movies": movies, "users": users, "dimensions": dim}
    typer.echo(json.dumps(written) if as_json else f"A bundle of {movies:,} films and {users:,} people is in {out}/.")


@app.command(epilog="Example: movierec data describe ml-100k --json")
def describe(name: Name, processed: ProcessedRoot = None, as_json: AsJson = False) -> None:
    """Print the snapshot of a processed data set: size, density, averages, coverage, and what was left out of it."""
    from training.datasets.store import load_dataset

    _show_prepared(load_dataset(name, processed), processed, as_json)


def _show_prepared(dataset: ProcessedDataset, processed: Path | None, as_json: bool) -> None:
    """Print the snapshot and, always, how many rows were left out and why; last in one line."""
    dropped, snapshot = dataset.dropped, dataset.snapshot() | dataset.feedback_summary() | dataset.noted
    events = dataset.events
    if as_json:
        counted = {"dropped_rows": sum(dropped.values()), "dropped": dropped}
        typer.echo(json.dumps(snapshot | counted | ({"events": events} if events else {})))
        return
    words = {"film": dataset.items.singular, "films": dataset.items.plural, "ratings": dataset.feedback.kind}
    rows = {" ".join(words.get(word, word) for word in key.split("_")): value for key, value in snapshot.items()}
    rows |= {f"events {name.replace('_', ' ')}": value for name, value in events.items()}
    _show(rows | {f"dropped: {reason}": count for reason, count in dropped.items()})
    where = (processed or home.processed_data()) / dataset.name / "quarantine.csv"
    rejects = f" {where} has each rejected row." if dataset.details["rejected"] else ""
    if snapshot["like_share"] == 1:
        typer.echo(EVERYTHING_LIKED)
    typer.echo(dropped_rows(dropped) + rejects + noted_counts(dataset.noted))


def _show(snapshot: dict[str, Any]) -> None:
    table = Table(title=snapshot["name"], show_header=False)
    for key, value in snapshot.items():
        form = ",.4g" if isinstance(value, float) else "," if isinstance(value, int) and value > 9999 else ""
        table.add_row(key.replace("_", " "), f"{value:{form}}" if form else str(value))
    Console().print(table)
