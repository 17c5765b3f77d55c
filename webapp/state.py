"""The visitor's choices as plain values: filters, ratings, films to rate; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from client.answers import MapFilm, Recommendation

DECK = 6  # films offered for rating at once
_SPREAD = 0.35  # least distance on the map between two films of a deck; halved while too few films keep it
RawId = int | str


@dataclass(frozen=True)
class Wish:
    """The visitor's filters and preferences for a list of recommendations."""

    n: int = 12
    genres: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    all_years: tuple[int, int] | None = None  # the catalogue's first and last year; choosing all of it is no filter
    min_ratings: int = 0
    variety: float = 0.0
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()  # facet:value

    def options(self) -> dict[str, Any]:
        """Return the chosen filters under the service's parameter names; unset ones are left out."""
        first, last = self.span
        options = {
            "n": self.n,
            "genres": list(self.genres),
            "facet": list(self.facets),
            "year_from": first,
            "year_to": last,
            "min_ratings": self.min_ratings,
            "diversity": self.variety,
            "tag_boost": list(self.more),
            "tag_suppress": [name for name in self.less if name not in self.more],
        }
        return {name: value for name, value in options.items() if value not in (None, 0, 0.0, [])}

    @property
    def span(self) -> tuple[int | None, int | None]:
        """First and last year of release; None at an unrestricted end, so that films without a year stay in."""
        if self.years is None or self.all_years is None:
            return None, None
        ends = zip(self.years, self.all_years, strict=True)
        first, last = (None if chosen == whole else chosen for chosen, whole in ends)
        return first, last


def usual_rating(ratings: Sequence[float], mean: float) -> float:
    """Return a person's mean rating, drawn to the mean of all ratings as ten of those would draw it."""
    return (sum(ratings) + 10 * mean) / (len(ratings) + 10)


def deck(films: Sequence[MapFilm], page: int, size: int = DECK) -> list[MapFilm]:
    """Return one page of films to rate: well known, and far from each other on the map.

    `films`: most rated first. `page` counts from 0; a film appears on one page only.
    """
    left = list(films)
    chosen: list[MapFilm] = []
    for _ in range(page + 1):
        chosen = spread(left, size)
        taken = {film.movie_id for film in chosen}
        left = [film for film in left if film.movie_id not in taken]
    return chosen


def spread(films: Sequence[MapFilm], size: int) -> list[MapFilm]:
    """Return the first `size` films that lie apart from each other on the map; closer ones where too few do."""
    distance = _SPREAD
    chosen: list[MapFilm] = []
    while len(chosen) < min(size, len(films)):
        chosen = []
        for film in films:
            if len(chosen) < size and all(_apart(film, other) >= distance for other in chosen):
                chosen.append(film)
        distance = distance / 2 if distance > 1e-3 else -1.0
    return chosen


def moves(before: Sequence[RawId], after: Sequence[Recommendation]) -> dict[RawId, int | None]:
    """Return by how many places each film of the list `after` rose since the list `before`; None for a new film."""
    places = {movie_id: place for place, movie_id in enumerate(before, 1)}
    return {film.movie_id: places[film.movie_id] - film.rank if film.movie_id in places else None for film in after}


def _apart(film: MapFilm, other: MapFilm) -> float:
    return max(abs(film.x - other.x), abs(film.y - other.y))
