"""HTML of films, figures and legends. Everything that comes from data is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from html import escape
from types import MappingProxyType

from client.answers import Film, MapFilm, Metric, Recommendation, RegisteredVersion
from client.errors import ApiProblem, ApiUnreachable, ApiUnready, WebappError
from webapp.comparing import figure, label
from webapp.elements.poster import poster_uri
from webapp.palette import ACCENT, CALM, genre_colour
from webapp.wording import PROBLEMS, film_label, names, rating_line

Labels = Mapping[str, str]
LATER = "Try again in a moment."
NO_LABELS: Labels = MappingProxyType({})
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#+!|$:~]")


def poster(film: Film | MapFilm | Recommendation) -> str:
    """Return the HTML of a film's drawn poster."""
    source = poster_uri(film.movie_id, film.title, film.year, film.genres)
    label = escape(film_label(film.title, film.year), quote=True)
    return f'<img class="mr-poster" src="{source}" alt="Drawn poster of {label}">'


def row(film: Film | MapFilm) -> str:
    """Return the HTML of a film as a small poster with its title beside it."""
    year = f' <span class="mr-year">{film.year}</span>' if film.year else ""
    return f'<div class="mr-row">{poster(film)}<p>{escape(film.title)}{year}</p></div>'


def genre_chips(genres: Sequence[str]) -> str:
    """Return the HTML of a film's genres, each with its colour."""
    return _chips([(genre, genre_colour(genre)) for genre in genres])


def _chips(entries: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f'<span class="mr-chip"><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries
    )


def people(film: Film | Recommendation, labels: Labels = NO_LABELS) -> str:
    """Return the HTML of a film's directors, leading actors and further facets; `labels`: of facets by name."""
    lines = []
    if film.directors:
        lines.append(f'<p class="mr-people">Directed by {escape(names(film.directors))}</p>')
    if film.actors:
        lines.append(f'<p class="mr-people">With {escape(names(film.actors))}</p>')
    for facet, values in (film.facets or {}).items():
        if values:
            label = labels.get(facet, facet.capitalize())
            lines.append(f'<p class="mr-people">{escape(label)}: {escape(names(values))}</p>')
    return "".join(lines)


def rating(film: Film | Recommendation) -> str:
    """Return the HTML of a film's average rating and number of ratings."""
    return f'<p class="mr-rating"><span class="mr-icon" aria-hidden="true">star</span>{escape(rating_line(film))}</p>'


def score_bar(label: str, value: str, segments: Sequence[tuple[str, float, str]]) -> str:
    """Return the HTML of a labelled score bar of coloured segments.

    Each segment: its meaning, its share of the bar's width, its colour.
    """
    drawn = "".join(
        f'<b style="width:{max(share, 0.0) * 100:.1f}%;background:{colour}" title="{_quoted(name)}"></b>'
        for name, share, colour in segments
    )
    return (
        f'<div class="mr-score"><span>{escape(label)}</span>'
        f'<div class="mr-bar" role="img" aria-label="{_quoted(label)} {_quoted(value)}">{drawn}</div>'
        f"<span>{escape(value)}</span></div>"
    )


def hero(film: Film, labels: Labels = NO_LABELS) -> str:
    """Return the large HTML card of the film that a page is about; `labels`: of facets by name."""
    year = f'<span class="mr-year">{film.year}</span>' if film.year else ""
    return (
        f'<article class="mr-hero">{poster(film)}<div><h2>{escape(film.title)} {year}</h2>'
        f'<p class="mr-chips">{genre_chips(film.genres)}</p>{people(film, labels)}{rating(film)}</div></article>'
    )


def recommendation(
    film: Recommendation, bar: str, reasons: Sequence[str] = (), badge: str = "", labels: Labels = NO_LABELS
) -> str:
    """Return the HTML card of a recommended film: rank, facts, score and reasons; `badge` stands beside the title.

    `labels`: of facets by name.
    """
    year = f'<span class="mr-year">{film.year}</span>' if film.year else ""
    mark = f'<span class="mr-badge">{escape(badge)}</span>' if badge else ""
    why = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return (
        f'<article class="mr-card"><div class="mr-art"><span class="mr-rank">{film.rank}</span>{poster(film)}</div>'
        f'<div class="mr-facts"><h3>{escape(film.title)} {year}{mark}</h3>'
        f'<p class="mr-chips">{genre_chips(film.genres)}</p>{people(film, labels)}{rating(film)}{bar}'
        f"{f'<ul class=mr-why>{why}</ul>' if why else ''}</div></article>"
    )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return the HTML legend of named colours; it wraps on a narrow screen."""
    return f'<p class="mr-legend">{_chips(entries)}</p>'


def genre_legend(genres: Sequence[str]) -> str:
    """Return the HTML legend of genre colours, in alphabetical order."""
    return legend([(genre, genre_colour(genre)) for genre in sorted(set(genres))])


def bullets(lines: Sequence[str]) -> str:
    """Return the HTML of a bulleted list."""
    return '<ul class="mr-list">' + "".join(f"<li>{escape(text)}</li>" for text in lines) + "</ul>"


def table(rows: Sequence[Mapping[str, str]], name: str = "") -> str:
    """Return the HTML table of rows with the same columns; on a narrow screen each row becomes a block.

    A table with a `name` scrolls within itself once it is long.
    """
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in rows[0])
    lines = "".join(
        "<tr>"
        + "".join(f'<td data-name="{_quoted(column)}">{escape(text)}</td>' for column, text in row.items())
        + "</tr>"
        for row in rows
    )
    drawn = f'<table class="mr-table"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    return (
        f'<div class="mr-long" role="region" aria-label="{_quoted(name)}" tabindex="0">{drawn}</div>' if name else drawn
    )


def figures(entries: Sequence[tuple[str, str, str]]) -> str:
    """Return the HTML of large figures in a row; each entry: value, label, explanation below it, which may be empty."""
    drawn = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd>"
        f"{f'<dd class=mr-explained>{escape(text)}</dd>' if text else ''}</div>"
        for value, label, text in entries
    )
    return f'<dl class="mr-figures">{drawn}</dl>'


def compact_list(films: Sequence[Recommendation], shared: Container[int | str]) -> str:
    """Return the HTML of a numbered list of films; those outside `shared` are marked as being here alone."""
    lines = "".join(
        f"<li>{escape(film_label(film.title, film.year))}"
        f"{'' if film.movie_id in shared else '<span class=mr-badge>only here</span>'}</li>"
        for film in films
    )
    return f'<ol class="mr-list">{lines}</ol>'


def intervals(versions: Sequence[RegisteredVersion], protocol: str, name: str) -> str:
    """Return the HTML list of the versions that have a figure: a point with its 95 % interval, and the number.

    All are on a common scale; the champion has another colour.
    """
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


def lead(text: str) -> str:
    """Return the HTML of a sentence in large letters."""
    return f'<p class="mr-lead">{escape(text)}</p>'


def note(text: str) -> str:
    """Return the HTML of a remark in small letters."""
    return f'<p class="mr-note">{escape(text)}</p>'


def plain(text: str) -> str:
    """Return a text so that Markdown shows it letter by letter: no emphasis, link, icon or formula in a title."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def problem_text(error: WebappError) -> str:
    """Return an error message in everyday words, escaped for Markdown.

    Addresses and commands are for whoever runs the page: they are in its log.
    """
    text = str(error)
    if isinstance(error, ApiProblem):
        text = PROBLEMS.get(error.kind, text)
    elif isinstance(error, ApiUnreachable):
        text = f"It may be starting, or have been stopped. {LATER}"
    elif isinstance(error, ApiUnready):
        text = f"{text.partition('. ')[0].rstrip('.')}. {LATER}"
    return plain(text)


def _quoted(text: str) -> str:
    return escape(text, quote=True)
