"""`movierec demo`: from raw files to a promoted model behind three servers, in one command."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movierec.cli.common.inputs import dataset_name, load_or_prepare
from movierec.cli.common.output import dropped_rows, warn
from movierec.cli.common.progress import Stages, reporter
from movierec.cli.common.services import Service, Stop, only_one, require_free, running, stop_signals, stop_with
from movierec.cli.serve import require_libraries
from movierec.cli.simulated_loop import DATASET, make_first_version, turn
from recommender import home
from recommender.errors import GateRefusedError
from serving.process.python import module_command
from serving.settings import read_settings

if TYPE_CHECKING:
    from recommender.items import Items
    from training.datasets.store import ProcessedDataset
    from training.registry import Tracker, Version

MOVIEREC = "movierec.cli.main"
# Switched on here, and off by default.
EVENTS = {name: os.environ.get(name, on) for name, on in (("MOVIEREC_EVENTS", "true"), ("MOVIEREC_EXPLORE", "0.1"))}
Inputs = dict[str, Any]  # as `prepare` takes them: raw, credits, genome, texts
SAMPLE_TITLES = ("Toy Story", "The Matrix", "Heat")  # films like the first one known to the model are printed


def demo(
    dataset: Annotated[
        str,
        typer.Option(
            help="Name of the data set; `movierec data --help` tells more.",
            callback=dataset_name("movierec demo --dataset NAME --raw DIR"),
        ),
    ] = "ml-100k",
    raw: Annotated[Path | None, typer.Option(help="Directory with the raw files, where they are at hand.")] = None,
    credits: Annotated[Path | None, typer.Option(help="Film credits, as `movierec data prepare` takes them.")] = None,
    genome: Annotated[
        Path | None, typer.Option(help="Directory of a tag genome, or `tag-genome`, which is fetched.")
    ] = None,
    texts: Annotated[Path | None, typer.Option(help="Directory of film articles, as for `data prepare`.")] = None,
    api_port: Annotated[int, typer.Option(envvar="API_PORT", help="Port of the API.")] = 8000,
    webapp_port: Annotated[int, typer.Option(envvar="WEBAPP_PORT", help="Port of the web page.")] = 8501,
    mlflow_port: Annotated[int, typer.Option(envvar="MLFLOW_PORT", help="Port of the MLflow UI.")] = 5000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Start the servers after promotion.")] = True,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Go once around the loop with simulated people, on synthetic data.")
    ] = False,
    parent: Annotated[int | None, typer.Option(metavar="PID", help="Stop when this process, the parent, ends.")] = None,
) -> None:
    """Prepare the data, train every model, promote the composite, and serve until Ctrl-C.

    What is up to date is not made again. A data set that was prepared before is used as it was, unless --raw,
    --credits, --genome or --texts names its inputs anew. The servers start beside the training.

    With --simulate people of a synthetic data set use the service: their events decide between two versions and train
    the next one. With --no-serve the API alone runs, as long as that takes.

    Example: movierec demo --dataset ml-100k --api-port 8080
    """
    inputs = {"raw": raw, "credits": credits, "genome": genome, "texts": texts}
    stages = Stages(home.training_status())
    mlflow, api, webapp = services = _services(api_port, webapp_port, mlflow_port)
    servers = services if serve else [api] if simulate else []
    with stop_signals(), ExitStack() as alone:
        if parent is not None:
            stop_with(parent)
        try:
            if serve:
                require_libraries()
            if servers:
                alone.enter_context(only_one(home.demo_lock()))
                read_settings()  # a wrong one is told before the training, not after it
                require_free(servers)
            with running([server for server in servers if server is not mlflow], home.logs()) as started:
                make = _first_version if simulate else partial(_prepare_and_train, dataset, inputs)
                prepared = make(stages, lambda: started.start(mlflow) if serve else None)
                typer.echo(f"Ready to serve after {stages.seconds:.0f} s.")
                if serve:
                    started.wait_until_ready()
                    _announce(api.port, webapp.port, mlflow.port, prepared, stages)
                if simulate:
                    turn(f"http://127.0.0.1:{api.port}")
                if serve:
                    started.wait_for_stop()
        except Stop:
            with suppress(OSError):  # the terminal may be closed
                typer.echo("Stopped.")


# Both open the store of runs and then call `when_open`: an MLflow UI that starts earlier would make its tables, too.
# The other servers start beside the training: the page says how far it has come.
def _prepare_and_train(dataset: str, inputs: Inputs, stages: Stages, when_open: Callable[[], None]) -> ProcessedDataset:
    prepared = _prepare(dataset, inputs, stages)
    tracker = _tracker(stages)
    when_open()
    _train_and_promote(prepared, tracker, stages)
    return prepared


def _first_version(stages: Stages, when_open: Callable[[], None]) -> ProcessedDataset:
    _tracker(stages)
    when_open()
    make_first_version()
    stages.end("Models", "the first version of the synthetic data set is champion.")
    return load_or_prepare(DATASET)


def _prepare(dataset: str, inputs: Inputs, stages: Stages) -> ProcessedDataset:
    from training.datasets.fetching.fetch import fetch_if_missing
    from training.datasets.sources import GENOME
    from training.datasets.store import is_prepared, prepare

    stages.end("Imports")
    if not any(inputs.values()) and is_prepared(dataset):
        prepared = load_or_prepare(dataset)
    else:
        raw, genome = inputs.get("raw"), inputs.get("genome")
        with reporter() as progress:
            raw = raw or fetch_if_missing(dataset, progress)
            if genome == Path(GENOME) and not genome.is_dir():
                genome = fetch_if_missing(GENOME, progress)
        prepared = prepare(dataset, **inputs | {"raw": raw, "genome": genome})
    stages.end(
        "Data",
        f"{prepared.name}, {len(prepared.ratings):,} {prepared.feedback.kind} of {len(prepared.movie_ids):,} "
        f"{prepared.items.plural} by {len(prepared.user_ids):,} people. {dropped_rows(prepared.dropped)}",
    )
    return prepared


def _tracker(stages: Stages) -> Tracker:
    from training.registry import Tracker

    tracker = Tracker()
    stages.end("MLflow", "tracking store and registry are open.")
    return tracker


def _train_and_promote(dataset: ProcessedDataset, tracker: Tracker, stages: Stages) -> None:
    from training.pipeline import train
    from training.progress import Clock
    from training.registry import CHAMPION

    current = train.current_composite(dataset, tracker=tracker)
    champion = tracker.aliased(CHAMPION)
    if current is not None and champion is not None and champion.tags["dataset"] == dataset.name:
        stages.end(
            "Models", f"version {current} is of this data and configuration; version {champion.number} is champion."
        )
        return
    if current is None:
        clock = Clock()
        with reporter() as progress:
            report = stages.registered(progress)
            trained = train.train("all", dataset, tracker=tracker, progress=report, say=warn, clock=clock)
        current = trained[-1].version
        stages.end("Training", f"{len(trained)} models registered; several at once: {clock}.")
    _promote(current, dataset.name, champion, stages)


def _promote(version: int, dataset: str, champion: Version | None, stages: Stages) -> None:
    from training.promotion.promote import promote

    # Versions of different data sets cannot be compared; whoever names another data set wants it served.
    before = champion.tags["dataset"] if champion is not None else dataset
    other_data = before != dataset
    reason = f"by force: changed from the data set {before} to {dataset}" if other_data else ""
    try:
        # On a small data set the first model may be undecided against popularity; without a champion nothing is served.
        verdict = promote(version, force=other_data, reason=reason, accept_undecided=champion is None)
        stages.end("Promotion", f"version {version}, {reason or verdict.summary}")
    except GateRefusedError as refusal:
        if champion is None:
            raise
        sentence = str(refusal).partition("\n")[0]
        stages.end(
            "Promotion", f"{sentence} The champion stays; `movierec promote --version {version}` shows the figures."
        )


def _services(api_port: int, webapp_port: int, mlflow_port: int) -> list[Service]:
    from training.registry import default_uri

    api, page, mlflow = (f"http://127.0.0.1:{port}" for port in (api_port, webapp_port, mlflow_port))
    ui = ["--backend-store-uri", default_uri(), "--workers", "1", "--host", "127.0.0.1", "--port", str(mlflow_port)]
    return [
        Service(
            "mlflow",
            module_command("mlflow", "server", *ui),
            mlflow_port,
            f"{mlflow}/health",
            {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONSAFEPATH": "1"},
        ),
        Service("api", module_command(MOVIEREC, "serve", "--port", str(api_port)), api_port, f"{api}/readyz", EVENTS),
        Service(
            "webapp",
            module_command(MOVIEREC, "webapp", "--port", str(webapp_port)),
            webapp_port,
            f"{page}/_stcore/health",
            {
                "MOVIEREC_API_URL": api,
                "MOVIEREC_MLFLOW_URL": mlflow,
                "MOVIEREC_TRAINING_STATUS": str(home.training_status().resolve()),
            },
        ),
    ]


def _announce(api: int, page: int, mlflow: int, dataset: ProcessedDataset, stages: Stages) -> None:
    """Print the addresses of the servers on these ports, and one real answer."""
    from training.registry import experiment_path

    stages.end("Start", "every server answers; they started beside the training.")
    stages.finish()
    typer.echo("")
    typer.echo(f"  Web page   http://localhost:{page}")
    typer.echo(f"  API        http://localhost:{api}/docs")
    typer.echo(f"  MLflow     http://localhost:{mlflow}{experiment_path(dataset.name)}")
    typer.echo("")
    _show_one(f"http://127.0.0.1:{api}", dataset.items)
    typer.echo("")
    typer.echo(f"Up after {stages.seconds:.0f} s. Logs are in {home.logs()}/. Ctrl-C stops everything.")


def _show_one(api: str, items: Items) -> None:
    """Print one answer of the API: for the first sample title that it knows, else for the item with most ratings."""
    import httpx

    most_rated = httpx.get(f"{api}/analytics/top", params={"n": 1}, timeout=10).json()["movies"]
    subjects = [{"title": title} for title in SAMPLE_TITLES] + [{"movie_id": item["movie_id"]} for item in most_rated]
    for subject in subjects:
        answer = httpx.get(f"{api}/recommend/", params={**subject, "n": 5}, timeout=10)
        if answer.status_code == httpx.codes.OK:
            typer.echo(f"  {items.plural.capitalize()} like {answer.json()['query']['title']}:")
            for item in answer.json()["recommendations"]:
                year = f" ({item['year']})" if item["year"] else ""
                typer.echo(f"  {item['rank']:>3}. {item['title']}{year}  {item['score']:.2f}")
            return
