"""`movierec webapp`: start the web page."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from serving.process import ports


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
    ports.require_free(host, port, "the web page", "choose another port with --port")
    if api_url:
        os.environ["MOVIEREC_API_URL"] = api_url
    # Streamlit replaces this process, so that signals reach it directly.
    os.execv(sys.executable, streamlit_command(host, port))


def streamlit_command(host: str, port: int) -> list[str]:
    """Return the command line that starts Streamlit; its settings are in webapp/.streamlit/config.toml."""
    spec = find_spec("webapp")
    assert spec is not None
    assert spec.origin is not None
    script = Path(spec.origin).with_name("app.py")
    return [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.address", host, "--server.port", str(port),
        "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
