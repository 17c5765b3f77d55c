"""Charts in a page: each is made once for all sessions and clicks that show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st
from pydantic_core import to_json

KEPT = 200  # charts; a map of 2,000 films takes 0.3 MB


def chart(draw: partial[Any], *, alt: str, **selection: Any) -> None:
    """Draw a chart over the whole width; `alt`: its name for a screen reader.

    `draw`: the function of `webapp.charts` that makes it, with all of its arguments; `selection`: see
    `st.vega_lite_chart`.
    """
    cache_key = to_json([draw.func.__qualname__, draw.args, draw.keywords])
    st.vega_lite_chart(spec=_spec(cache_key, draw), width="stretch", alt=alt, **selection)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _spec(cache_key: bytes, _draw: partial[Any]) -> dict[str, Any]:
    """Return the Vega-Lite specification of a chart, its data in the compact form in which Streamlit sends them."""
    spec: dict[str, Any] = _draw().to_dict()
    return spec | {"datasets": {name: _arrow(rows) for name, rows in spec["datasets"].items()}}


def _arrow(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as an Arrow stream."""
    sink = pa.BufferOutputStream()
    data = pa.Table.from_pylist(list(rows))
    with pa.ipc.new_stream(sink, data.schema) as stream:
        stream.write_table(data)
    return bytes(sink.getvalue())
