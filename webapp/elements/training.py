"""What the pages show while the first models are still being trained."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from client.errors import WebappError
from webapp import source

REFRESH_SECONDS = 2.0


class TrainingStatus(NamedTuple):
    """Whether a training is going on, its stages that have ended, each with its time, and what it does now."""

    running: bool
    ended: list[str]
    now: str


def training_status() -> TrainingStatus | None:
    """Return how far the training beside which these pages were started has come, or None where none is going on."""
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
