"""What a person has chosen, as plain values; everything here is a pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.answers import MapFilm, Recommendation

DECK = 6  # films offered for rating at once
_SPREAD = 0.35  # least distance on the map between two films of a deck, while there are enough such films
Taste = Mapping[int, float]  # movie_id to stars


@dataclass(frozen=True)
class Wish:
    """How a list is to be cut."""

    n: int = 12
    genres: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    all_years: tuple[int, int] | None = None  # the whole span, which is no wish
    min_ratings: int = 0
    variety: float = 0.0
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """The wish as the service names it; what was not wished is left out."""
        first, last = self.span
        named = {
            "n": self.n,
            "genres": list(self.genres),
            "year_from": first,
            "year_to": last,
            "min_ratings": self.min_ratings,
            "diversity": self.variety,
            "tag_boost": list(self.more),
            "tag_suppress": list(self.less),
        }
        return {name: value for name, value in named.items() if value not in (None, 0, 0.0, [])}

    @property
    def span(self) -> tuple[int | None, int | None]:
        """First and last year of release; None at an end that is open, so that films without a year stay in."""
        if self.years is None or self.all_years is None:
            return None, None
        ends = zip(self.years, self.all_years, strict=True)
        first, last = (None if chosen == whole else chosen for chosen, whole in ends)
        return first, last

    @property
    def active(self) -> int:
        """How many wishes there are beside the number of films."""
        return len({name.split("_")[0] for name in self.options()} - {"n"})


def rated(taste: Taste, movie_id: int, choice: int | None) -> dict[int, float]:
    """`taste` after a click on the stars of a film; `choice` counts from 0, None takes the rating back."""
    others = {known: stars for known, stars in taste.items() if known != movie_id}
    return others if choice is None else {**others, movie_id: choice + 1.0}


def deck(films: Sequence[MapFilm], taste: Taste, page: int, size: int = DECK) -> list[MapFilm]:
    """Films to rate: well known, far from each other on the map, and not rated before.

    `films`: most rated first. `page` counts from 0; a film appears on one page only.
    """
    left = [film for film in films if film.movie_id not in taste]
    chosen: list[MapFilm] = []
    for _ in range(page + 1):
        chosen = spread(left, size)
        taken = {film.movie_id for film in chosen}
        left = [film for film in left if film.movie_id not in taken]
    return chosen


def spread(films: Sequence[MapFilm], size: int) -> list[MapFilm]:
    """The first `size` of `films` that keep their distance from each other; less distance where too few do."""
    distance = _SPREAD
    chosen: list[MapFilm] = []
    while len(chosen) < min(size, len(films)):
        chosen = []
        for film in films:
            if len(chosen) < size and all(_apart(film, other) >= distance for other in chosen):
                chosen.append(film)
        distance = distance / 2 if distance > 1e-3 else -1.0
    return chosen


def moves(before: Sequence[int], after: Sequence[Recommendation]) -> dict[int, int | None]:
    """By how many places each film of a list has risen since the list `before`; None for a film that is new in it."""
    places = {movie_id: place for place, movie_id in enumerate(before, 1)}
    return {film.movie_id: places[film.movie_id] - film.rank if film.movie_id in places else None for film in after}


def _apart(film: MapFilm, other: MapFilm) -> float:
    return max(abs(film.x - other.x), abs(film.y - other.y))
