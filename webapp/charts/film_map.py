"""The map of films."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import altair as alt

from webapp.api_models import MapFilm
from webapp.charts.films import FILM_TOOLTIP, film_rows, genre_colours
from webapp.charts.table import Picture, sized, table
from webapp.palette import ACCENT

SELECTION = "film"
_HEIGHT = 680
_NAMED = 45  # films that carry their title
_APART = (0.13, 0.035)  # least distance of two titles, as a share of the map's width and height


def film_map(films: Sequence[MapFilm], genres: Collection[str] = (), marked: int | None = None) -> Picture:
    """Films near each other are alike; those of `genres` stand out, and the film `marked` carries a ring.

    A click selects a film by its movie_id, as the selection `SELECTION`.
    """
    rows = map_rows(films, genres)
    picked = alt.selection_point(name=SELECTION, fields=["movie_id"], on="click", empty=False)
    points = alt.Chart(table(rows)).mark_circle(cursor="pointer", stroke=None).encode(
        *_axes(),
        color=alt.Color("genre:N", title="Main genre", scale=genre_colours(rows), legend=_LEGEND),
        size=alt.Size("count:Q", legend=None, scale=alt.Scale(type="sqrt", range=[18, 260])),
        opacity=alt.Opacity("shown:Q", legend=None, scale=None),
        tooltip=FILM_TOOLTIP,
    )  # fmt: skip
    layers = [points.add_params(picked).interactive(), _titles(rows)]
    ringed = [row for row in rows if row["movie_id"] == marked]
    return sized(alt.layer(*layers, *([_ring(ringed)] if ringed else [])), _HEIGHT)


def map_rows(films: Sequence[MapFilm], genres: Collection[str]) -> list[dict[str, object]]:
    """What the map draws: films outside `genres` are faint; some well-known films apart from each other are named."""
    wanted = set(genres)
    named: list[MapFilm] = []
    rows = []
    for film, row in zip(films, film_rows(films), strict=True):
        stands_out = not wanted or bool(wanted & set(film.genres))
        name = stands_out and len(named) < _NAMED and all(_apart(film, other) for other in named)
        named += [film] if name else []
        title = film.title if name else ""
        rows.append(row | {"x": film.x, "y": film.y, "shown": 0.85 if stands_out else 0.12, "title": title})
    return rows


_LEGEND = alt.Legend(orient="bottom", columns=7, symbolType="circle", symbolSize=90)


def _apart(film: MapFilm, other: MapFilm) -> bool:
    return abs(film.x - other.x) > 2 * _APART[0] or abs(film.y - other.y) > 2 * _APART[1]


def _axes() -> tuple[alt.X, alt.Y]:
    scale = alt.Scale(domain=[-1.05, 1.05])
    return alt.X("x:Q", axis=None, scale=scale), alt.Y("y:Q", axis=None, scale=scale)


def _titles(rows: Sequence[dict[str, object]]) -> alt.Chart:
    """Titles of some films; a narrow screen has no room for them."""
    named = alt.Chart(table([row for row in rows if row["title"]]))
    room = alt.ExprRef("width < 560 ? 0 : 0.95")
    text = named.mark_text(dy=-11, fontSize=11.5, fontWeight=600, opacity=room, clip=True)
    titles: alt.Chart = text.encode(*_axes(), text="title:N")
    return titles


def _ring(rows: Sequence[dict[str, object]]) -> alt.Chart:
    ring = alt.Chart(table(rows)).mark_point(size=600, stroke=ACCENT, strokeWidth=3, filled=False)
    drawn: alt.Chart = ring.encode(*_axes(), tooltip=FILM_TOOLTIP)
    return drawn
