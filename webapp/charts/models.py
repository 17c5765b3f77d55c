"""Charts that compare model versions."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from webapp.api_models import Metric
from webapp.charts.table import Picture, sized, table
from webapp.palette import ACCENT, CALM
from webapp.registry import Version
from webapp.wording import metric_title

_ROW = 34
SERVED, OTHER = "Champion", "Other versions"
_KINDS = alt.Scale(domain=[SERVED, OTHER], range=[ACCENT, CALM])


def figure(version: Version, protocol: str, name: str) -> Metric | None:
    """The version's figure of a metric on a protocol."""
    return next((m for m in version.metrics if m.protocol == protocol and m.name == name), None)


def metric_intervals(versions: Sequence[Version], protocol: str, name: str) -> Picture:
    """One metric of each version: a point with its 95 % interval."""
    rows = [row for version in versions if (row := _row(version, figure(version, protocol, name)))]
    title = f"{metric_title(name)} on {protocol}, with 95 % interval"
    order = [version.label for version in versions]
    base = alt.Chart(table(rows)).encode(
        y=alt.Y("version:N", sort=order, title="Version", axis=alt.Axis(labelLimit=220)),
        color=alt.Color("kind:N", title=None, scale=_KINDS, legend=alt.Legend(orient="top")),
        tooltip=[
            alt.Tooltip("version:N", title="Version"), alt.Tooltip("value:Q", title=metric_title(name), format=".4f"),
            alt.Tooltip("lo:Q", title="From", format=".4f"), alt.Tooltip("hi:Q", title="To", format=".4f"),
        ],
    )  # fmt: skip
    scale = alt.Scale(zero=False, padding=12)
    whiskers = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("lo:Q", title=title, scale=scale), x2="hi:Q")
    points = base.mark_circle(size=110, opacity=1).encode(x=alt.X("value:Q", title=title, scale=scale))
    return sized(alt.layer(whiskers, points), _ROW * max(len(rows), 2) + 60)


def _row(version: Version, metric: Metric | None) -> dict[str, object] | None:
    if metric is None:
        return None
    return {
        "version": version.label,
        "value": metric.value,
        "lo": metric.value if metric.lo is None else metric.lo,
        "hi": metric.value if metric.hi is None else metric.hi,
        "kind": SERVED if "champion" in version.aliases else OTHER,
    }
