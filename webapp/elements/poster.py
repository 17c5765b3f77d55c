"""Draw a poster for any film from its title, year and genres, without an outside service."""

from __future__ import annotations

import base64
import random
import textwrap
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from webapp.elements.motifs import MOTIFS, rings
from webapp.palette import by_specificity, genre_colour, shade

WIDTH, HEIGHT = 200, 300
TITLE_LINES = 4
_SIZES = ((26, 10), (22, 12), (18, 14), (15, 17))  # letter size and the letters of a wide serif that fit a line
_SERIF = "'Source Serif 4',Georgia,'DejaVu Serif',serif"
_SANS = "'Source Sans 3','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"


@lru_cache(maxsize=4096)
def poster_uri(movie_id: int | str, title: str, year: int | None, genres: tuple[str, ...]) -> str:
    """Return the drawn poster of a film as a data URI for an <img>; Streamlit strips inline SVG."""
    svg = poster_svg(movie_id, title, year, genres)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def poster_svg(movie_id: int | str, title: str, year: int | None, genres: Sequence[str]) -> str:
    """Return the poster of a film as an SVG document of 200 x 300 units; one film always gets the same drawing."""
    ordered = by_specificity(genres)
    main = genre_colour(ordered[0]) if ordered else genre_colour("")
    second = genre_colour(ordered[1]) if len(ordered) > 1 else main
    dice = random.Random(movie_id)
    draw = dice.choice(MOTIFS.get(ordered[0] if ordered else "", (rings,)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<defs><linearGradient id="g" x1="0" y1="0" x2="0.5" y2="1"><stop offset="0" stop-color="{shade(main, 0.8)}"/>'
        f'<stop offset="1" stop-color="{shade(second, 0.38)}"/></linearGradient>'
        '<linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0.3" stop-color="#0c0a08" stop-opacity="0"/>'
        '<stop offset="1" stop-color="#0c0a08" stop-opacity="0.82"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>'
        f"{draw(dice, shade(main, 1.55))}"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#s)"/>'
        f"{_lettering(title, year)}{_stripe([genre_colour(genre) for genre in ordered])}</svg>"
    )


def title_lines(title: str) -> tuple[list[str], int]:
    """Return the title broken into at most four lines, and the font size at which they fit the poster."""
    for size, letters in _SIZES:
        lines = textwrap.wrap(title, letters, break_long_words=False) or [""]
        if len(lines) <= TITLE_LINES and max(map(len, lines)) <= letters:
            return lines, size
    size, letters = _SIZES[-1]
    lines = textwrap.wrap(title, letters)
    visible = lines[:TITLE_LINES]
    if len(lines) > TITLE_LINES:
        visible[-1] = visible[-1][: letters - 2].rstrip() + "…"
    return visible, size


def _lettering(title: str, year: int | None) -> str:
    lines, size = title_lines("".join(letter for letter in title if letter.isprintable()))
    step = size * 1.14
    top = 272 - step * len(lines) + size * 0.8
    drawn = "".join(
        f'<text x="16" y="{top + step * i:.0f}" font-size="{size}">{escape(text)}</text>'
        for i, text in enumerate(lines)
    )
    stamp = f'<text x="186" y="32" text-anchor="end" font-size="15" letter-spacing="2.5">{year}</text>' if year else ""
    return (
        f'<g fill="#fff" font-family="{_SERIF}" font-weight="600">{drawn}</g>'
        f'<g fill="#fff" font-family="{_SANS}" opacity="0.85">{stamp}</g>'
    )


def _stripe(colours: Sequence[str]) -> str:
    """Return a strip of the genres' colours for the lower edge."""
    width = WIDTH / max(len(colours), 1)
    return "".join(
        f'<rect x="{i * width:.1f}" y="292" width="{width + 0.5:.1f}" height="8" fill="{colour}"/>'
        for i, colour in enumerate(colours)
    )
