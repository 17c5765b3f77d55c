"""`movierec webapp`: start the web page."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from recommender.errors import MissingInputError
from serving.process import ports
from serving.process.python import module_command


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
