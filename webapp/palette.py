"""Colours with a meaning: one for each genre, and those that charts and cards share."""

from __future__ import annotations

from collections.abc import Sequence

# Medium tones, legible on a light and on a dark page.
GENRE_COLOURS = {
    "Action": "#cf4b32",
    "Adventure": "#d98032",
    "Animation": "#2fa39b",
    "Children": "#8ab446",
    "Comedy": "#e2aa33",
    "Crime": "#8d5f4a",
    "Documentary": "#8d8a76",
    "Drama": "#5876a8",
    "Fantasy": "#8560c0",
    "Film-Noir": "#6b7280",
    "Horror": "#a02f47",
    "IMAX": "#3f8fd0",
    "Musical": "#cb5a9b",
    "Mystery": "#4f62a5",
    "Romance": "#dd6f83",
    "Sci-Fi": "#3389c6",
    "Thriller": "#4f8a70",
    "War": "#87803c",
    "Western": "#b9763f",
}
OTHER_GENRE = "#7d766c"

ACCENT = "#b8433a"
CALM = "#3b7ea1"
GOLD = "#d59b2d"
MUTED = "#9a9184"

# Most specific genre first: nearly every film is a drama or a comedy as well.
_SPECIFIC_FIRST = (
    "Film-Noir", "Western", "Animation", "Horror", "Documentary", "Musical", "Sci-Fi", "Fantasy", "War", "Mystery",
    "Children", "Crime", "Romance", "Adventure", "Thriller", "Action", "Comedy", "Drama", "IMAX",
)  # fmt: skip
_RANK = {genre: rank for rank, genre in enumerate(_SPECIFIC_FIRST)}


def genre_colour(genre: str) -> str:
    """Return the hex colour of a genre; a genre without a colour of its own gets grey."""
    return GENRE_COLOURS.get(genre, OTHER_GENRE)


def by_specificity(genres: Sequence[str]) -> list[str]:
    """Return the genres ordered from the most specific (film noir) to the most common (drama)."""
    return sorted(genres, key=lambda genre: _RANK.get(genre, len(_RANK)))


def main_genre(genres: Sequence[str]) -> str:
    """Return the most specific of a film's genres, which gives the film its colour in charts."""
    return by_specificity(genres)[0] if genres else "No genre"


def shade(colour: str, factor: float) -> str:
    """Return the hex colour darkened (factor below 1) or lightened towards white (factor above 1)."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    if factor <= 1:
        mixed = [channel * factor for channel in channels]
    else:
        mixed = [channel + (255 - channel) * (factor - 1) for channel in channels]
    return "#" + "".join(f"{round(min(max(channel, 0), 255)):02x}" for channel in mixed)
