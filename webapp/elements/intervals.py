"""HTML of one figure of several versions: a point with its 95 % interval on a common scale, and the number."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from client.answers import Metric, RegisteredVersion
from webapp.comparing import figure, label
from webapp.palette import ACCENT, CALM


def intervals(versions: Sequence[RegisteredVersion], protocol: str, name: str) -> str:
    """Return the HTML list of the versions that have the figure, the champion in another colour."""
    measured = [(version, metric) for version in versions if (metric := figure(version, protocol, name))]
    ends = [value for _, metric in measured for value in _interval(metric)]
    if not ends:
        return ""
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    rows = []
    for version, metric in measured:
        lower, value, upper = ((end - low) / span * 100 for end in _interval(metric))
        colour = ACCENT if "champion" in version.aliases else CALM
        rows.append(
            f'<li><span>{escape(label(version))}</span><div style="color:{colour}" aria-hidden="true">'
            f'<i style="left:{lower:.1f}%;width:{upper - lower:.1f}%"></i><b style="left:{value:.1f}%"></b></div>'
            f"<span>{metric.value:.4f}{_written(metric)}</span></li>"
        )
    return f'<ul class="mr-intervals">{"".join(rows)}</ul>'


def _interval(metric: Metric) -> tuple[float, float, float]:
    """Return lower end, value and upper end; all the same without an interval."""
    lower, upper = (metric.value if end is None else end for end in (metric.lo, metric.hi))
    return lower, metric.value, upper


def _written(metric: Metric) -> str:
    return "" if metric.lo is None or metric.hi is None else f" <small>{metric.lo:.4f} to {metric.hi:.4f}</small>"
