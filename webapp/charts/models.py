"""Charts that compare model versions."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from client.answers import RegisteredVersion
from client.client import CHAMPION
from webapp.charts.table import Picture, sized, table
from webapp.comparing import figure, label
from webapp.palette import ACCENT, CALM, MUTED
from webapp.wording import metric_title

_LABEL_ROOM = (0.2, 0.06)
SERVED, OTHER = "Champion", "Other versions"
_KINDS = alt.Scale(domain=[SERVED, OTHER], range=[ACCENT, CALM])


def trade_off(versions: Sequence[RegisteredVersion], protocol: str, across: str, up: str) -> Picture:
    """Return a chart of two metrics against each other, one point for each version, the champion on top."""
    pairs = [(v, figure(v, protocol, across), figure(v, protocol, up)) for v in versions]
    rows = [
        {"version": label(v), "x": x.value, "y": y.value, "kind": SERVED if CHAMPION in v.aliases else OTHER}
        for v, x, y in pairs
        if x and y
    ]
    rows.sort(key=lambda row: row["kind"] == SERVED)
    axis = alt.Axis(tickCount=8)
    x = alt.X("x:Q", title=metric_title(across), scale=alt.Scale(zero=False, padding=45, nice=False), axis=axis)
    y = alt.Y("y:Q", title=metric_title(up), scale=alt.Scale(zero=False, padding=26, nice=False), axis=axis)
    tooltip = [
        alt.Tooltip("version:N", title="Version"),
        alt.Tooltip("x:Q", title=metric_title(across), format=".4f"),
        alt.Tooltip("y:Q", title=metric_title(up), format=".4f"),
    ]
    base = alt.Chart(table(rows)).encode(x=x, y=y, tooltip=tooltip)
    points = base.mark_circle(size=160, opacity=1).encode(color=alt.Color("kind:N", scale=_KINDS, legend=None))
    names = (
        alt.Chart(table(apart(rows))).mark_text(dy=-15, fontSize=11.5, color=MUTED).encode(x=x, y=y, text="version:N")
    )
    return sized(alt.layer(points, names), 360)


def apart(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return the points whose labels do not overlap, the last point first: the others are named on hover alone.

    A label needs `_LABEL_ROOM`, a share of the chart's width and height.
    """
    spans = {}
    for axis in "xy":
        values = [_number(row[axis]) for row in rows] or [0.0]
        spans[axis] = (max(values) - min(values)) or 1.0
    labelled: list[dict[str, object]] = []
    for row in reversed(rows):
        gaps = [[abs(_number(row[axis]) - _number(other[axis])) / spans[axis] for axis in "xy"] for other in labelled]
        if all(across >= _LABEL_ROOM[0] or up >= _LABEL_ROOM[1] for across, up in gaps):
            labelled.append(row)
    return labelled


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
