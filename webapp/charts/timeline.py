"""The chart of papers on recommender systems by year."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from webapp.charts.table import Picture, sized, table
from webapp.milestones import FAMILIES, Milestone
from webapp.palette import ACCENT, CALM, MUTED

_LINE = 21  # height of a line of papers in pixels
_YEARS_PER_LETTER = 0.27  # width of a label's letter on a laptop
_FIRST, _LAST = 1988, 2032  # years shown; the last label needs room
OURS, OTHERS = "The served model stands on it", "Milestone"
_KINDS = alt.Scale(domain=[OURS, OTHERS], range=[ACCENT, CALM])
_TOOLTIP = [
    alt.Tooltip("title:N", title="Paper"),
    alt.Tooltip("authors:N", title="Authors"),
    alt.Tooltip("published:N", title="Published"),
    alt.Tooltip("here:N", title="In this system"),
]


def timeline(milestones: Sequence[Milestone]) -> Picture:
    """Return a chart of papers by year, with a lane for each family; hovering shows a paper, a click opens it."""
    rows, names = timeline_rows(milestones)
    lines = max(int(str(row["line"])) for row in rows) + 1
    papers = alt.Chart(table(rows)).encode(*_axes(lines), tooltip=_TOOLTIP)
    points = papers.mark_circle(opacity=1, cursor="pointer").encode(
        color=alt.Color("kind:N", title=None, scale=_KINDS, legend=alt.Legend(orient="top", labelLimit=400)),
        size=alt.Size(
            "kind:N", legend=None, sort=[OURS, OTHERS], scale=alt.Scale(domain=[OURS, OTHERS], range=[230, 80])
        ),
        href="url:N",
    )
    # On a phone the labels would run into each other; a tap shows the paper.
    room = alt.ExprRef("width < 560 ? 0 : 1")
    labels = papers.mark_text(align="left", dx=10, fontSize=12, color=MUTED, opacity=room, clip=True).encode(
        text="name:N"
    )
    lanes = alt.Chart(table(names)).mark_text(align="left", fontWeight=600, fontSize=12.5, color=MUTED, clip=True)
    return sized(alt.layer(lanes.encode(*_axes(lines), text="name:N"), points, labels), _LINE * (lines + 1))


def timeline_rows(milestones: Sequence[Milestone]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the rows of papers and of lane names, each with its line from the top.

    A lane has as many lines as its labels need not to overlap.
    """
    papers: list[dict[str, object]] = []
    lanes: list[dict[str, object]] = []
    top = 0
    for family in FAMILIES:
        lanes.append({"year": _FIRST, "line": top, "name": family})
        ends: list[float] = []  # year in which the last label of each line ends
        for paper in sorted((m for m in milestones if m.family == family), key=lambda m: m.year):
            free = next((i for i, end in enumerate(ends) if end < paper.year), len(ends))
            ends[free : free + 1] = [paper.year + 1.2 + _YEARS_PER_LETTER * len(paper.name)]
            papers.append(_row(paper, top + 1 + free))
        top += len(ends) + 2
    return papers, lanes


def _row(paper: Milestone, line_number: int) -> dict[str, object]:
    return {
        "year": paper.year,
        "line": line_number,
        "name": paper.name,
        "title": paper.title,
        "authors": paper.authors,
        "published": f"{paper.year}, {paper.venue}",
        "here": ", ".join(paper.algorithms) or "not used",
        "kind": OURS if paper.algorithms else OTHERS,
        "url": paper.url,
    }


def _axes(lines: int) -> tuple[alt.X, alt.Y]:
    """Return the axes; every layer needs the same, or Vega-Lite merges them wrongly."""
    years = alt.Scale(domain=[_FIRST, _LAST])
    return (
        alt.X("year:Q", title="Year of publication", scale=years, axis=alt.Axis(format="d", tickCount=10)),
        alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[lines, -0.5])),
    )
