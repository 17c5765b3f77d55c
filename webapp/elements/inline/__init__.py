"""Components written here: each is an HTML, a CSS and a JavaScript file, which Streamlit puts into the page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_FOLDER = Path(__file__).parent


@cache
def component(name: str, *, is_alone: bool = True) -> ComponentRenderer:
    """Return the function that draws the component `name`; one that `is_alone` keeps its styles out of the page's."""
    html, css, js = ((_FOLDER / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component(f"movierec.{name}", html=html, css=css, js=js, isolate_styles=is_alone)
