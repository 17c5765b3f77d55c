"""The frame of every page: heading, error messages, and the footer that names the served model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import streamlit as st

from client.errors import ApiUnreachable, ApiUnready, WebappError
from webapp import source
from webapp.elements.cards import lead, problem_text
from webapp.elements.training import training_stages, training_status
from webapp.palette import ACCENT, GOLD

STYLE = Path(__file__).parent / "style.css"
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    f'<circle cx="16" cy="16" r="15" fill="{ACCENT}"/><circle cx="16" cy="16" r="3" fill="{GOLD}"/>'
    + "".join(
        f'<circle cx="{x}" cy="{y}" r="3.6" fill="#fcfaf6"/>'
        for x, y in ((16, 7.6), (24, 13.4), (21, 22.8), (11, 22.8), (8, 13.4))
    )
    + "</svg>"
)
log = logging.getLogger(__name__)


def heading(title: str, sentence: str) -> None:
    """Draw a page's title and the sentence below it."""
    st.title(title, anchor=False)
    st.html(lead(sentence))


def run_guarded(draw: Callable[[], None]) -> None:
    """Draw a page; if the service fails, show a message with a button to try again."""
    with guarded(key="page"):
        draw()


@contextmanager
def guarded(key: str) -> Iterator[None]:
    """Show a WebappError raised inside the block as a message; what was drawn before it stays."""
    try:
        yield
    except WebappError as error:
        log.warning("%s: %s", type(error).__name__, error)
        show_error(error, key)


def show_error(error: WebappError, key: str) -> None:
    """Show what went wrong and what to do, with a button to try again; or how far the first training has come."""
    if isinstance(error, ApiUnready | ApiUnreachable) and training_status() is not None:
        training_stages()
        return
    kind, icon = (
        (st.info, ":material/hourglass_top:") if isinstance(error, ApiUnready) else (st.warning, ":material/cloud_off:")
    )
    kind(f"**{error.headline}.** {problem_text(error)}", icon=icon)
    st.button("Try again", key=f"retry-{key}", icon=":material/refresh:")


def foot() -> None:
    """Draw the footer: the served model version, and links to the API's documentation and MLflow."""
    settings = source.settings()
    api_url = (settings.api_public_url or settings.api_url).rstrip("/")
    links = [f'<a href="{escape(api_url, quote=True)}/docs">Service documentation</a>']
    if settings.mlflow_url:
        links.append(f'<a href="{escape(settings.mlflow_url, quote=True)}">MLflow runs</a>')
    st.html(f'<footer class="mr-foot">{escape(_served_line())} &nbsp;·&nbsp; {" &nbsp;·&nbsp; ".join(links)}</footer>')


def _served_line() -> str:
    try:
        model = source.served().model
    except WebappError:
        return "No model answers at the moment"
    text = f"Answers come from {model.name}, version {model.version} ({model.algorithm})"
    return f"{text}; the registry cannot confirm it right now" if model.stale else text
