"""Charts by year of rating and by year of release."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from client.answers import Period, ReleaseYear
from webapp.charts.table import sized, table
from webapp.data_words import FILMS, DataWords
from webapp.palette import ACCENT, CALM, MUTED

_HEIGHT = 190
_DECADES = 15  # release years are joined into decades where there are more than this


def ratings_by_period(periods: Sequence[Period], words: DataWords = FILMS) -> alt.VConcatChart:
    """Return a chart of the number of ratings in each period, above one of their average where there are ratings."""
    rows = [period.model_dump() for period in periods]
    tooltip = [
        alt.Tooltip("period:O", title="When"),
        alt.Tooltip("ratings:Q", title="Ratings", format=","),
        alt.Tooltip("average_rating:Q", title="Average", format=".2f"),
    ]
    base = alt.Chart(table(rows)).encode(x=_time("period:O", "When the ratings were given"), tooltip=tooltip)
    bars = alt.Y("ratings:Q", title="Ratings", axis=alt.Axis(format="~s"))
    return _above_average(base, (bars, CALM), ("average_rating:Q", ACCENT), words)


def genre_by_release(years: Sequence[ReleaseYear], colour: str, words: DataWords = FILMS) -> alt.VConcatChart:
    """Return a chart of a genre's share of the ratings, above one of its average, by year or decade of release."""
    rows = release_rows(years)
    title = "Decade of release" if len(years) > _DECADES else "Year of release"
    tooltip = [
        alt.Tooltip("when:O", title="Released"),
        alt.Tooltip("share:Q", title="Share of ratings", format=".1%"),
        alt.Tooltip("average:Q", title="Average", format=".2f"),
        alt.Tooltip("movies:Q", title=words.many_first, format=","),
        alt.Tooltip("ratings:Q", title="Ratings", format=","),
    ]
    base = alt.Chart(table(rows)).encode(x=_time("when:O", title), tooltip=tooltip)
    bars = alt.Y("share:Q", title="Share of all ratings", axis=alt.Axis(format="%"))
    return _above_average(base, (bars, colour), ("average:Q", MUTED), words)


def release_rows(years: Sequence[ReleaseYear]) -> list[dict[str, object]]:
    """Return one row for each year of release, or for each decade where there are more than fifteen years."""
    joined: dict[str, list[ReleaseYear]] = {}
    for year in years:
        joined.setdefault(f"{year.year // 10}0s" if len(years) > _DECADES else str(year.year), []).append(year)
    return [_joined(when, group) for when, group in joined.items()]


def _joined(when: str, group: Sequence[ReleaseYear]) -> dict[str, object]:
    ratings = sum(year.ratings for year in group)
    all_ratings = sum(year.all_ratings for year in group)
    stars = sum((year.average_rating or 0.0) * year.ratings for year in group)
    return {
        "when": when,
        "movies": sum(year.movies for year in group),
        "ratings": ratings,
        "share": ratings / all_ratings if all_ratings else None,
        "average": stars / ratings if ratings else None,
    }


def _time(field: str, title: str) -> alt.X:
    return alt.X(field, title=title, axis=alt.Axis(labelAngle=0, labelOverlap=True))


def _above_average(
    base: alt.Chart, bars: tuple[alt.Y, str], average: tuple[str, str], words: DataWords
) -> alt.VConcatChart:
    """Return bars above the line of an average, where there are ratings; both with their colours."""
    upper = sized(base.mark_bar(cornerRadiusEnd=3, color=bars[1]).encode(y=bars[0]), _HEIGHT)
    if not words.has_ratings:
        return alt.vconcat(upper)
    field, colour = average
    line = base.mark_line(point={"size": 60, "color": colour}, color=colour, strokeWidth=2.5)
    y = alt.Y(field, title=f"Average {words.rating_axis.lower()}", scale=alt.Scale(zero=False, padding=12))
    return alt.vconcat(upper, sized(line.encode(y=y), _HEIGHT - 40), spacing=18)
