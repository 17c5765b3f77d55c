"""The colours that carry meaning, once: one for each genre, and what charts and cards share."""

from __future__ import annotations

from collections.abc import Sequence

# Middle tones, so that each reads on paper and on black.
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

# What says most about a film first: nearly everything is a drama or a comedy as well.
_TELLING = (
    "Film-Noir", "Western", "Animation", "Horror", "Documentary", "Musical", "Sci-Fi", "Fantasy", "War", "Mystery",
    "Children", "Crime", "Romance", "Adventure", "Thriller", "Action", "Comedy", "Drama", "IMAX",
)  # fmt: skip
_RANK = {genre: rank for rank, genre in enumerate(_TELLING)}


def genre_colour(genre: str) -> str:
    """Hex colour of a genre; one grey for those without their own."""
    return GENRE_COLOURS.get(genre, OTHER_GENRE)


def by_character(genres: Sequence[str]) -> list[str]:
    """The genres of a film, the one that says most about it first."""
    return sorted(genres, key=lambda genre: _RANK.get(genre, len(_RANK)))


def main_genre(genres: Sequence[str]) -> str:
    """The genre that stands for a film where only one colour can be shown."""
    return by_character(genres)[0] if genres else "No genre"


def shade(colour: str, factor: float) -> str:
    """The hex colour darkened (factor below 1) or lightened towards white (above 1)."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    if factor <= 1:
        mixed = [channel * factor for channel in channels]
    else:
        mixed = [channel + (255 - channel) * (factor - 1) for channel in channels]
    return "#" + "".join(f"{round(min(max(channel, 0), 255)):02x}" for channel in mixed)
