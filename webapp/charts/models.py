"""Charts that compare model versions."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from client.answers import Metric, RegisteredVersion
from webapp.charts.table import Picture, sized, table
from webapp.comparing import figure, label
from webapp.palette import ACCENT, CALM, MUTED
from webapp.wording import metric_title

_ROW = 26
_LABEL_ROOM = (0.2, 0.06)
SERVED, OTHER = "Champion", "Other versions"
_KINDS = alt.Scale(domain=[SERVED, OTHER], range=[ACCENT, CALM])


def metric_intervals(versions: Sequence[RegisteredVersion], protocol: str, name: str) -> Picture:
    """Return a chart of one metric: a point with its 95 % interval for each version."""
    rows = [row for version in versions if (row := _row(version, figure(version, protocol, name)))]
    title = f"{metric_title(name)} ({protocol})"
    order = [label(version) for version in versions]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("version:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
        color=alt.Color("kind:N", title=None, scale=_KINDS, legend=None),
        tooltip=[
            alt.Tooltip("version:N", title="Version"), alt.Tooltip("value:Q", title=metric_title(name), format=".4f"),
            alt.Tooltip("lo:Q", title="From", format=".4f"), alt.Tooltip("hi:Q", title="To", format=".4f"),
        ],
    )  # fmt: skip
    scale = alt.Scale(zero=False, padding=10, nice=False)
    whiskers = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("lo:Q", title=title, scale=scale), x2="hi:Q")
    points = base.mark_circle(size=110, opacity=1).encode(x=alt.X("value:Q", title=title, scale=scale))
    return sized(alt.layer(whiskers, points), _ROW * max(len(rows), 2) + 40)


def trade_off(versions: Sequence[RegisteredVersion], protocol: str, across: str, up: str) -> Picture:
    """Return a chart of two metrics against each other, one point for each version, the champion on top."""
    pairs = [(v, figure(v, protocol, across), figure(v, protocol, up)) for v in versions]
    rows = [{"version": label(v), "x": x.value, "y": y.value, "kind": _kind(v)} for v, x, y in pairs if x and y]
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
    spans = {axis: _span([_number(row[axis]) for row in rows]) for axis in ("x", "y")}
    labelled: list[dict[str, object]] = []
    for row in reversed(rows):
        gaps = [[abs(_number(row[axis]) - _number(other[axis])) / spans[axis] for axis in "xy"] for other in labelled]
        if all(across >= _LABEL_ROOM[0] or up >= _LABEL_ROOM[1] for across, up in gaps):
            labelled.append(row)
    return labelled


def _span(values: Sequence[float]) -> float:
    return (max(values) - min(values)) or 1.0 if values else 1.0


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _kind(version: RegisteredVersion) -> str:
    return SERVED if "champion" in version.aliases else OTHER


def _row(version: RegisteredVersion, metric: Metric | None) -> dict[str, object] | None:
    if metric is None:
        return None
    return {
        "version": label(version),
        "value": metric.value,
        "lo": metric.value if metric.lo is None else metric.lo,
        "hi": metric.value if metric.hi is None else metric.hi,
        "kind": _kind(version),
    }
