"""The chart of the film map."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import altair as alt

from client.answers import MapFilm
from webapp.charts.films import FILM_TOOLTIP, film_rows, genre_colours
from webapp.charts.table import Picture, sized, table
from webapp.palette import ACCENT

SELECTION = "film"
_HEIGHT = 680
_TITLED = 34  # films that carry their title
_EDGE = 0.72  # from here outwards a title would be cut off if it stood in the middle over its point
_APART = (0.12, 0.045)  # least distance of two titles, as a share of the map's width and height


def film_map(
    films: Sequence[MapFilm], genres: Collection[str] = (), marked: int | str | None = None, *, dark: bool = False
) -> Picture:
    """Return the chart of films by their place on the map; those of `genres` stand out, the film `marked` has a ring.

    A click selects a film by its movie_id, as the selection `SELECTION`. `dark`: titles for a dark page.
    """
    rows = map_rows(films, genres)
    x, y = _axes(rows)
    picked = alt.selection_point(name=SELECTION, fields=["movie_id"], on="click", empty=False)
    points = alt.Chart(table(rows)).mark_circle(cursor="pointer", aria=False).encode(
        x=x,
        y=y,
        color=alt.Color("genre:N", scale=genre_colours(rows), legend=None),
        size=alt.Size("count:Q", legend=None, scale=alt.Scale(type="sqrt", range=[18, 260])),
        opacity=alt.Opacity("shown:Q", legend=None, scale=None),
        tooltip=FILM_TOOLTIP,
    )  # fmt: skip
    ringed = [row for row in rows if row["movie_id"] == marked]
    rings = [_ring(ringed).encode(x=x, y=y)] if ringed else []
    titles = [title.encode(x=x, y=y, text="title:N") for title in _titles(rows, dark)]
    # The wheel scrolls the page; with Ctrl, or a pinch on a touchpad, which sends the same, it looks closer.
    moved = alt.selection_interval(bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]")
    return sized(alt.layer(points.add_params(picked, moved), *rings, *titles), _HEIGHT)


def map_rows(films: Sequence[MapFilm], genres: Collection[str]) -> list[dict[str, object]]:
    """Return the rows of the map: films outside `genres` are faint, well-known films that lie apart have titles."""
    highlighted = set(genres)
    titled: list[MapFilm] = []
    rows = []
    for film, row in zip(films, film_rows(films), strict=True):
        stands_out = not highlighted or bool(highlighted & set(film.genres))
        has_title = stands_out and len(titled) < _TITLED and all(_apart(film, other) for other in titled)
        titled += [film] if has_title else []
        title = film.title if has_title else ""
        align = "left" if film.x < -_EDGE else "right" if film.x > _EDGE else "center"
        place = {"x": film.x, "y": film.y, "shown": 0.85 if stands_out else 0.12}
        rows.append(row | place | {"title": title, "align": align})
    return rows


def _apart(film: MapFilm, other: MapFilm) -> bool:
    return abs(film.x - other.x) > 2 * _APART[0] or abs(film.y - other.y) > 2 * _APART[1]


def _axes(rows: Sequence[dict[str, object]]) -> tuple[alt.X, alt.Y]:
    """Return both axes without labels, spanning all films."""
    spans = [[float(str(row[axis])) for row in rows] for axis in ("x", "y")]
    x, y = (alt.Scale(domain=[min(span) - 0.04, max(span) + 0.04], nice=False) for span in spans)
    return alt.X("x:Q", axis=None, scale=x), alt.Y("y:Q", axis=None, scale=y)


def _titles(rows: Sequence[dict[str, object]], dark: bool) -> list[alt.Chart]:
    """Return the film titles and below them a halo of the page's colour; hidden on a narrow screen."""
    chart = alt.Chart(table([row for row in rows if row["title"]]))
    room = alt.ExprRef("width < 560 ? 0 : 1")
    align = alt.ExprRef("datum.align")
    paper, ink = ("#15130f", "#efe9de") if dark else ("#fcfaf6", "#221d18")
    text = alt.MarkDef(
        type="text", dy=-11, fontSize=12, fontWeight=600, opacity=room, clip=True, align=align, aria=False, color=ink
    )
    halo = text.copy()
    halo.color, halo.stroke, halo.strokeWidth, halo.strokeOpacity = paper, paper, 4, 0.85
    return [chart.properties(mark=halo), chart.properties(mark=text)]


def _ring(rows: Sequence[dict[str, object]]) -> alt.Chart:
    ring: alt.Chart = alt.Chart(table(rows)).mark_point(size=700, stroke=ACCENT, strokeWidth=4, filled=False, opacity=1)
    return ring
