"""`movierec demo`: from raw files to a promoted model behind three servers, in one command."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movierec.cli.names import dataset_name
from movierec.cli.services import Service, Stop, require_free, running, stop_signals, stop_with
from movierec.cli.webapp import require_libraries
from recommender import home
from recommender.errors import GateRefusedError
from serving.process.python import module_command

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset
    from training.registry import Version

MOVIEREC = "movierec.cli.main"
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
    genome: Annotated[bool, typer.Option(help="Add the tag genome, for a data set without one of its own.")] = False,
    texts: Annotated[Path | None, typer.Option(help="Directory of film articles, as for `data prepare`.")] = None,
    api_port: Annotated[int, typer.Option(envvar="API_PORT", help="Port of the API.")] = 8000,
    webapp_port: Annotated[int, typer.Option(envvar="WEBAPP_PORT", help="Port of the web page.")] = 8501,
    mlflow_port: Annotated[int, typer.Option(envvar="MLFLOW_PORT", help="Port of the MLflow UI.")] = 5000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Start the servers after promotion.")] = True,
    parent: Annotated[int | None, typer.Option(metavar="PID", help="Stop when this process, the parent, ends.")] = None,
) -> None:
    """Prepare the data, train every model, promote the composite, then serve until Ctrl-C.

    What is up to date is not made again.

    Example: movierec demo --dataset ml-100k --api-port 8080
    """
    start = time.monotonic()
    services = _services(api_port, webapp_port, mlflow_port)
    with stop_signals():
        if parent is not None:
            stop_with(parent)
        try:
            if serve:
                require_libraries()
                require_free(services)
            prepared = _prepare(dataset, raw, genome, texts)
            _train_and_promote(prepared)
            typer.echo(f"Ready to serve after {time.monotonic() - start:.0f} s.")
            if serve:
                _serve(services, prepared.name, start)
        except Stop:
            with suppress(OSError):  # the terminal may be closed
                typer.echo("Stopped.")


def _prepare(dataset: str, raw: Path | None, genome: bool, texts: Path | None) -> ProcessedDataset:
    from movierec.cli.progress import reporter
    from training.datasets.fetching.fetch import fetch_if_missing
    from training.datasets.store import prepare

    with reporter() as progress:
        raw = raw or fetch_if_missing(dataset, progress)
        tags = fetch_if_missing("tag-genome", progress) if genome else None
    prepared = prepare(dataset, raw=raw, genome=tags, texts=texts)
    typer.echo(
        f"Data: {prepared.name}, {len(prepared.ratings):,} ratings of {len(prepared.movie_ids):,} films "
        f"by {len(prepared.user_ids):,} people."
    )
    return prepared


def _train_and_promote(dataset: ProcessedDataset) -> None:
    from movierec.cli.progress import reporter
    from training.pipeline import train
    from training.registry import CHAMPION, Tracker

    tracker = Tracker()
    current = train.current_composite(dataset, tracker=tracker)
    champion = tracker.aliased(CHAMPION)
    if current is not None and champion is not None and champion.tags["dataset"] == dataset.name:
        typer.echo(
            f"Models: version {current} is of this data and configuration; version {champion.number} is champion."
        )
        return
    if current is None:
        with reporter() as progress:
            current = train.train("all", dataset, tracker=tracker, progress=progress)[-1].version
    _promote(current, dataset.name, champion)


def _promote(version: int, dataset: str, champion: Version | None) -> None:
    from training.promotion.promote import promote

    # Versions of different data sets cannot be compared; whoever names another data set wants it served.
    other_data = champion is not None and champion.tags["dataset"] != dataset
    reason = f"the demo changed to the data set {dataset}" if other_data else ""
    try:
        # On a small data set the first model may be undecided against popularity; without a champion nothing is served.
        verdict = promote(version, force=other_data, reason=reason, accept_undecided=champion is None)
        typer.echo(f"Promoted version {version}: {verdict.summary}")
    except GateRefusedError as refusal:
        if champion is None:
            raise
        typer.echo(f"{refusal} The champion stays; --force --reason TEXT overrules the gate.")


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
        Service("api", module_command(MOVIEREC, "serve", "--port", str(api_port)), api_port, f"{api}/readyz"),
        Service(
            "webapp",
            module_command(MOVIEREC, "webapp", "--port", str(webapp_port)),
            webapp_port,
            f"{page}/_stcore/health",
            {"MOVIEREC_API_URL": api, "MOVIEREC_MLFLOW_URL": mlflow},
        ),
    ]


def _serve(services: list[Service], dataset: str, start: float) -> None:
    logs = home.logs()
    with running(services, logs) as started:
        api, page, mlflow = (service.port for service in (services[1], services[2], services[0]))
        typer.echo("")
        typer.echo(f"  Web page   http://localhost:{page}")
        typer.echo(f"  API        http://localhost:{api}/docs")
        typer.echo(f"  MLflow     http://localhost:{mlflow}{_runs_path(dataset)}")
        typer.echo("")
        _show_one(f"http://127.0.0.1:{api}")
        typer.echo("")
        typer.echo(f"Up after {time.monotonic() - start:.0f} s. Logs are in {logs}/. Ctrl-C stops everything.")
        started.wait_for_stop()


def _runs_path(dataset: str) -> str:
    """Return the URL path of the experiment's table of runs in the MLflow UI."""
    from training.registry import experiment_id

    return f"/#/experiments/{experiment_id(dataset)}/runs"


def _show_one(api: str) -> None:
    import httpx

    for title in SAMPLE_TITLES:
        answer = httpx.get(f"{api}/recommend/", params={"title": title, "n": 5}, timeout=10)
        if answer.status_code == httpx.codes.OK:
            typer.echo(f"  Films like {answer.json()['query']['title']}:")
            for film in answer.json()["recommendations"]:
                year = f" ({film['year']})" if film["year"] else ""
                typer.echo(f"  {film['rank']:>3}. {film['title']}{year}  {film['score']:.2f}")
            return
