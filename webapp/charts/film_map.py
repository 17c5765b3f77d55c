"""Data of each point on the map of films; the browser draws it, see elements/inline/film_map.js."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

from client.answers import MapFilm
from webapp.palette import genre_colour, main_genre
from webapp.wording import film_label, rating_line

_RADIUS = (2.4, 9.0)  # pixels, from a film without ratings to the most rated one
Point = dict[str, str | float]


@lru_cache(maxsize=16)
def map_points(films: tuple[MapFilm, ...], genres: tuple[str, ...]) -> list[Point]:
    """Return the points of the map; films outside `genres` are faint. All sessions share the list."""
    most = max((film.rating_count for film in films), default=0) or 1
    smallest, largest = _RADIUS
    points = []
    for film in films:
        point: Point = {
            "id": film.movie_id,
            "title": film.title,
            "label": film_label(film.title, film.year),
            "about": " · ".join(filter(None, (rating_line(film), ", ".join(film.genres)))),
            "x": round(film.x, 4),
            "y": round(film.y, 4),
            "radius": round(smallest + (largest - smallest) * sqrt(film.rating_count / most), 1),
            "colour": genre_colour(main_genre(film.genres)),
        }
        if genres and not set(genres) & set(film.genres):
            point["faint"] = 1
        points.append(point)
    return points
