"""Data and size of every chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
from altair.utils.schemapi import disable_debug_mode

disable_debug_mode()  # or Altair checks every part of a chart whenever it is drawn; the whole is checked all the same
alt.data_transformers.disable_max_rows()
alt.theme.enable("none")  # Streamlit puts on its own
Picture = alt.Chart | alt.LayerChart | alt.FacetChart


def table(rows: Sequence[Mapping[str, object]]) -> alt.InlineData:
    """Return rows as the data of a chart."""
    return alt.InlineData(values=[dict(row) for row in rows])


def sized(chart: Picture, height: int) -> Picture:
    """Return the chart with a height in pixels; the page sets the width."""
    finished: Picture = chart.properties(height=height)
    return finished
