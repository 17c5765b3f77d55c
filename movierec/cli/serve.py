"""`movierec serve` and `movierec pull`: the service, and the process that fetches promoted versions."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one (8000).")] = None,
    workers: Annotated[int | None, typer.Option(help="API processes (2).", min=1)] = None,
    pull: Annotated[bool, typer.Option(help="Follow the registry; without, `movierec pull` does.")] = True,
    pin: Annotated[str | None, typer.Option(metavar="VERSION", help="Serve this version of the local store.")] = None,
) -> None:
    """Answer over HTTP from the promoted model version.

    Example: movierec serve --port 8000 --workers 2
    """
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # the metrics library would fail once its files are removed
    from serving.logs import configure
    from serving.process.supervisor import serve as run
    from serving.settings import read_settings

    options: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    settings = read_settings(**{name: value for name, value in options.items() if value is not None})
    configure(settings.log_level)
    run(settings, pull=pull, pinned=pin)


def pull(
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """Follow the registry for workers that run with serve --no-pull.

    Example: movierec pull --once
    """
    from recommender.errors import GateRefusedError, LostRaceError, RegistryUnavailableError
    from serving.logs import configure
    from serving.process import puller_process
    from serving.settings import read_settings

    settings = read_settings()
    if not once:
        puller_process.main()
        return
    configure(settings.log_level)
    with puller_process.puller_of(settings) as puller:
        if not puller.turn.take():
            raise LostRaceError(f"Another process pulls into {settings.store_dir} already; nothing was fetched.")
        before = puller.status.refusal_count
        if not puller.pull():
            raise RegistryUnavailableError(puller.status.error or "The registry cannot be read.")
        if puller.status.refusal_count > before:
            refused = puller.status.refusals[-1]
            raise GateRefusedError(f"Version {refused.version} was refused: {refused.reason}")
