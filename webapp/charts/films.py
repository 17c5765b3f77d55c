"""Charts of films, genres and ratings."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from client.answers import Film, GenreFigures, HistogramBin, MapFilm
from webapp.charts.table import Picture, sized, table
from webapp.data_words import FILMS, DataWords
from webapp.palette import ACCENT, CALM, GOLD, MUTED, genre_colour, main_genre
from webapp.wording import film_label

ROW = 26  # pixels of a bar with its gap
HEIGHT = 340


def rating_shares(
    series: Sequence[tuple[str, Sequence[HistogramBin]]], height: int = HEIGHT, words: DataWords = FILMS
) -> Picture:
    """Return a bar chart of the share of each rating in each named histogram."""
    order = [name for name, _ in series]
    several = len(order) > 1
    digits = ".1f" if words.in_stars else "~g"
    colours = alt.Scale(domain=order, range=[ACCENT, CALM, GOLD] if several else [CALM])
    legend = alt.Legend(orient="top", labelLimit=320) if several else None
    bars = alt.Chart(table(share_rows(series))).mark_bar(cornerRadiusEnd=3)
    chart = bars.encode(
        x=alt.X("stars:O", title=words.rating_axis, axis=alt.Axis(labelAngle=0, format=digits)),
        xOffset=alt.XOffset("who:N", sort=order),
        y=alt.Y("share:Q", title="Share of the ratings", axis=alt.Axis(format="%")),
        color=alt.Color("who:N", sort=order, title=None, legend=legend, scale=colours),
        tooltip=[
            alt.Tooltip("who:N", title="Of"),
            alt.Tooltip("stars:Q", title="Rating", format=digits),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("ratings:Q", title="Ratings", format=","),
        ],
    )
    return sized(chart, height)


def share_rows(series: Sequence[tuple[str, Sequence[HistogramBin]]]) -> list[dict[str, object]]:
    """Return the rows of `rating_shares`: one for each histogram and each number of stars that anybody gave."""
    used = {entry.stars for _, bins in series for entry in bins if entry.count}
    return [
        {"who": name, "stars": entry.stars, "share": entry.count / max(total, 1), "ratings": entry.count}
        for name, bins in series
        for total in [sum(entry.count for entry in bins)]
        for entry in bins
        if entry.stars in used
    ]


def most_rated(films: Sequence[Film]) -> Picture:
    """Return a bar chart of the number of ratings of each film, coloured by its main genre."""
    rows = film_rows(films)
    bars = alt.Chart(table(rows)).mark_bar(cornerRadiusEnd=3, height={"band": 0.78})
    chart = bars.encode(
        x=alt.X("count:Q", title="Number of ratings", axis=alt.Axis(format="~s")),
        y=alt.Y("film:N", sort=None, title=None, axis=alt.Axis(labelLimit=230, labelOverlap=False)),
        color=genre_encoding(rows),
        tooltip=FILM_TOOLTIP,
    )
    return sized(chart, ROW * max(len(films), 4) + 40)


def average_against_count(
    top_films: Sequence[Film], backdrop: Sequence[MapFilm], overall: float | None, words: DataWords = FILMS
) -> Picture:
    """Return a chart of average rating against number of ratings: `top_films` in colour before `backdrop` in grey.

    A dashed line marks the overall average.
    """
    logarithmic = alt.Scale(type="log", nice=False, padding=14)
    x = alt.X("count:Q", title="Number of ratings (logarithmic)", scale=logarithmic)
    y = alt.Y("average:Q", title=f"Average {words.rating_axis.lower()}", scale=alt.Scale(zero=False, padding=14))
    rows = film_rows(top_films)
    points = alt.Chart(table(rows)).mark_circle(size=90, opacity=0.9)
    layers = [points.encode(x=x, y=y, color=genre_encoding(rows), tooltip=FILM_TOOLTIP)]
    if backdrop:
        grey = alt.Chart(table(film_rows(backdrop))).mark_circle(size=22, opacity=0.25, color=MUTED)
        layers.insert(0, grey.encode(x=x, y=y, tooltip=FILM_TOOLTIP))
    if overall:
        mean_line = alt.Chart(table([{"average": overall}])).mark_rule(strokeDash=[5, 4], color=MUTED)
        layers.insert(0, mean_line.encode(y=y))
    return sized(alt.layer(*layers), HEIGHT + 80)


def genre_bars(genres: Sequence[GenreFigures], by: str, words: DataWords = FILMS) -> Picture:
    """Return a chart with one bar or dot for each genre; `by`: movies, ratings or average_rating."""
    titles = {
        "movies": words.many_first,
        "ratings": "Ratings",
        "average_rating": f"Average {words.rating_axis.lower()}",
    }
    rows = [genre.model_dump() for genre in genres if getattr(genre, by) is not None]
    domain = [row["genre"] for row in rows]
    colours = alt.Scale(domain=domain, range=[genre_colour(genre) for genre in domain])
    base = alt.Chart(table(rows))
    # An average has no meaningful zero, so it gets dots instead of bars.
    average = by == "average_rating"
    marks = (
        base.mark_circle(size=190, opacity=1) if average else base.mark_bar(cornerRadiusEnd=3, height={"band": 0.78})
    )
    chart = marks.encode(
        x=alt.X(f"{by}:Q", title=titles[by], scale=alt.Scale(zero=not average, padding=14 if average else 0)),
        y=alt.Y("genre:N", sort="-x", title=None, axis=alt.Axis(grid=average)),
        color=alt.Color("genre:N", legend=None, scale=colours),
        tooltip=[
            alt.Tooltip("genre:N", title="Genre"),
            alt.Tooltip("movies:Q", title=words.many_first, format=","),
            alt.Tooltip("ratings:Q", title="Ratings", format=","),
            alt.Tooltip("average_rating:Q", title="Average", format=".2f"),
        ],
    )
    return sized(chart, ROW * max(len(rows), 4) + 40)


FILM_TOOLTIP = [
    alt.Tooltip("film:N", title="Title"),
    alt.Tooltip("average:Q", title="Average", format=".2f"),
    alt.Tooltip("count:Q", title="Ratings", format=","),
    alt.Tooltip("genres:N", title="Genres"),
]


def film_rows(films: Sequence[Film | MapFilm]) -> list[dict[str, object]]:
    """Return one row for each film, with the columns that film charts use."""
    return [
        {
            "film": film_label(film.title, film.year),
            "movie_id": film.movie_id,
            "count": film.rating_count,
            "average": film.average_rating,
            "genre": main_genre(film.genres),
            "genres": ", ".join(film.genres),
        }
        for film in films
    ]


def genre_encoding(rows: Sequence[dict[str, object]]) -> alt.Color:
    """Return the colour encoding by main genre, without a legend: the page draws one that wraps."""
    domain = sorted({str(row["genre"]) for row in rows})
    scale = alt.Scale(domain=domain, range=[genre_colour(genre) for genre in domain])
    return alt.Color("genre:N", title="Main genre", scale=scale, legend=None)
