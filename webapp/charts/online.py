"""Charts of an experiment over time."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from client.answers import ExperimentLook
from webapp.charts.table import Picture, sized, table
from webapp.palette import ACCENT, CALM, MUTED

_HEIGHT = 240
_UNITS = ((86_400, "Days"), (3_600, "Hours"), (60, "Minutes"), (1, "Seconds"))
ARMS = {"champion": ACCENT, "challenger": CALM}


def bounds_over_time(looks: Sequence[ExperimentLook], start: float, even: float) -> Picture:
    """Return a chart of the estimate with its band; a dashed line where the versions are `even`.

    `start`: of the experiment, in seconds since 1970.
    """
    x, rows, unit = _timed(looks, start)
    scale = alt.Scale(zero=False, padding=10)
    y = alt.Y("value:Q", title=None, scale=scale)
    base = alt.Chart(table(rows)).encode(
        x=x, tooltip=[alt.Tooltip("since:Q", title=unit, format=".1f"),
                      *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("value", "lower", "upper"))],
    )  # fmt: skip
    band = base.mark_area(opacity=0.25, color=CALM).encode(y=alt.Y("lower:Q", title=None, scale=scale), y2="upper:Q")
    line = base.mark_line(color=CALM, strokeWidth=2.5).encode(y=y)
    rule = alt.Chart(table([{"value": even}])).mark_rule(strokeDash=[5, 4], color=MUTED).encode(y=y)
    return sized(alt.layer(band, rule, line), _HEIGHT)


def arms_over_time(looks: Sequence[ExperimentLook], start: float) -> Picture:
    """Return a chart of both versions' numbers: of visitors, or of lists won; `start`: as in `bounds_over_time`."""
    x, rows, _ = _timed(looks, start)
    lines = alt.Chart(table([row | {"arm": arm, "number": row[arm]} for row in rows for arm in ARMS]))
    drawn = lines.mark_line(strokeWidth=2.5).encode(
        x=x,
        y=alt.Y("number:Q", title=None),
        color=alt.Color("arm:N", legend=None, scale=alt.Scale(domain=list(ARMS), range=list(ARMS.values()))),
        tooltip=[alt.Tooltip("arm:N", title="Version"), alt.Tooltip("number:Q", title="Number", format=",")],
    )
    return sized(drawn, _HEIGHT)


def _timed(looks: Sequence[ExperimentLook], start: float) -> tuple[alt.X, list[dict[str, object]], str]:
    """Return the axis of the time since the start, a row for each look, and the unit, the largest that fits."""
    latest = looks[-1].time - start
    seconds, unit = next((pair for pair in _UNITS if latest >= 2 * pair[0]), _UNITS[-1])
    rows = [look.model_dump() | {"since": (look.time - start) / seconds} for look in looks]
    return alt.X("since:Q", title=f"{unit} since the start", scale=alt.Scale(nice=False)), rows, unit
