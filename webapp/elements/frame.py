"""The frame of every page: heading, error messages, the first training, and the footer that names the served model."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from client.errors import ApiUnreachable, ApiUnready, WebappError
from webapp import source
from webapp.elements.cards import lead, problem_text
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
REFRESH_SECONDS = 2.0
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
    """Show a WebappError raised inside the block as a message; elements drawn before it stay."""
    try:
        yield
    except WebappError as error:
        log.warning("%s: %s", type(error).__name__, error)
        show_error(error, key)


def show_error(error: WebappError, key: str) -> None:
    """Show the error with advice and a button to try again; or the progress of the first training."""
    if isinstance(error, ApiUnready | ApiUnreachable) and training_status() is not None:
        training_stages()
        return
    kind, icon = (
        (st.info, ":material/hourglass_top:") if isinstance(error, ApiUnready) else (st.warning, ":material/cloud_off:")
    )
    kind(f"**{error.headline}.** {problem_text(error)}", icon=icon)
    st.button("Try again", key=f"retry-{key}", icon=":material/refresh:")


class TrainingStatus(NamedTuple):
    """Progress of a training: whether it runs, the finished stages with their times, and the current one."""

    running: bool
    ended: list[str]
    now: str


def training_status() -> TrainingStatus | None:
    """Return the progress of the training that started these pages, or None if none is running."""
    path = source.settings().training_status
    try:
        status = TrainingStatus(**json.loads(Path(path or "").read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # not written yet
        return None
    return status if status.running else None


@st.fragment(run_every=REFRESH_SECONDS)
def training_stages() -> None:
    """Show the stages of the training, anew every REFRESH_SECONDS, until a model is served; then draw the page."""
    status = training_status()
    st.info(
        "**The first models are being trained.** This page fills by itself as soon as one is promoted.",
        icon=":material/hourglass_top:",
    )
    if status is not None:
        lines = [*status.ended, *([f"{status.now} …"] if status.now else [])]
        st.html(f'<ol class="mr-stages">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ol>')
    try:
        source.served()
    except WebappError:
        return
    st.rerun()


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
