"""`movierec serve`, `pull` and `webapp`: the service, the process that fetches promoted versions, and the web page."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from recommender.errors import GateRefusedError, LostRaceError, MissingInputError, RegistryUnavailableError
from serving.process import ports
from serving.process.python import module_command


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


def webapp(
    port: Annotated[int, typer.Option(envvar="WEBAPP_PORT", min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    api_url: Annotated[
        str | None, typer.Option(envvar="MOVIEREC_API_URL", help="Address of the API; http://127.0.0.1:8000 if unset.")
    ] = None,
) -> None:
    """Start the web page, without a browser and without telemetry.

    Example: movierec webapp --port 8501
    """
    require_libraries()
    ports.require_free(host, port, "the web page", "choose another port with --port")
    if api_url:
        os.environ["MOVIEREC_API_URL"] = api_url
    # Streamlit replaces this process, so that signals reach it directly.
    command = streamlit_command(host, port)
    os.execv(command[0], command)


def require_libraries() -> None:
    """Raise MissingInputError where the libraries of the web page are not installed."""
    if missing := [name for name in ("streamlit", "altair") if find_spec(name) is None]:
        raise MissingInputError(
            f"The web page needs {' and '.join(missing)}, not installed here: pip install 'movierec[web]'"
        )


def streamlit_command(host: str, port: int) -> list[str]:
    """Return the command line that starts Streamlit; its settings are in webapp/.streamlit/config.toml."""
    spec = find_spec("webapp")
    assert spec is not None
    assert spec.origin is not None
    script = Path(spec.origin).with_name("app.py")
    address = ("--server.address", host, "--server.port", str(port))
    return module_command("streamlit", "run", str(script), *address, "--browser.gatherUsageStats", "false")
