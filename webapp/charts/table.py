"""Data frame and size of every chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
from altair.utils.schemapi import disable_debug_mode

disable_debug_mode()  # or Altair checks every part of a chart whenever it is drawn; the whole is checked all the same
Picture = alt.Chart | alt.LayerChart | alt.FacetChart


def table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return rows as a data frame, which Streamlit sends apart from the chart in a compact form."""
    return pd.DataFrame.from_records(list(rows))


def sized(chart: Picture, height: int) -> Picture:
    """Return the chart with a height in pixels; the page sets the width."""
    finished: Picture = chart.properties(height=height)
    return finished
