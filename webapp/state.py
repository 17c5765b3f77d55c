"""The visitor's choices as plain values: filters, ratings, films to rate; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from client.answers import MapFilm, Recommendation
from webapp.shelf import RawId

DECK = 6  # films offered for rating at once
_SPREAD = 0.35  # least distance on the map between two films of a deck; halved while too few films keep it


def list_options(
    *,
    years: tuple[int, int] | None = None,
    all_years: tuple[int, int] | None = None,
    tag_boost: Sequence[str] = (),
    tag_suppress: Sequence[str] = (),
    **options: Any,
) -> dict[str, Any]:
    """Return a visitor's choices as options of a list under the service's names; unset ones are left out.

    `all_years`: the catalogue's first and last year. An end of `years` that is chosen like it is unrestricted, so that
    films without a year stay in.
    """
    if years and all_years:
        ends = (None if end == whole else end for end, whole in zip(years, all_years, strict=True))
        options |= dict(zip(("year_from", "year_to"), ends, strict=True))
    options["tag_boost"] = list(tag_boost)
    options["tag_suppress"] = [name for name in tag_suppress if name not in tag_boost]
    return {name: value for name, value in options.items() if value not in (None, 0, 0.0, [], ())}


def usual_rating(ratings: Sequence[float], mean: float) -> float:
    """Return a person's mean rating, drawn to the mean of all ratings as ten of those would draw it."""
    return (sum(ratings) + 10 * mean) / (len(ratings) + 10)


def deck(films: Sequence[MapFilm], page: int) -> list[MapFilm]:
    """Return one page of films to rate: well known, and far from each other on the map.

    `films`: most rated first. `page` counts from 0; a film appears on one page only.
    """
    left = list(films)
    chosen: list[MapFilm] = []
    for _ in range(page + 1):
        chosen = spread(left, DECK)
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
