"""Find films by title or id; what the kernel does not find becomes a problem for the caller."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from recommender.errors import AmbiguousTitleError, TitleNotFoundError, UnknownMovieError
from recommender.films.ids import RawId
from recommender.titles.index import TitleMatch
from serving.problem import ProblemError
from serving.versions.served import Served


def resolve_title(served: Served, title: str, *, n: int, fuzzy: bool = False) -> TitleMatch:
    """Return the film with that title. Raises a 404 problem with suggestions or a 409 problem with the candidates."""
    try:
        return served.model.titles.resolve(title, fuzzy=fuzzy)
    except TitleNotFoundError as error:
        raise ProblemError(
            404,
            "title-not-found",
            str(error),
            suggestions=[film_link(served, row, n) for row in error.suggestions],
        ) from error
    except AmbiguousTitleError as error:
        raise ProblemError(
            409,
            "title-ambiguous",
            f"{str(error).rstrip('.')}; the year tells them apart.",
            candidates=[film_link(served, row, n) for row in error.candidates],
        ) from error


def film_link(served: Served, row: int, n: int) -> dict[str, Any]:
    """Return a film as a dict: id, title, year, and the address of the API call for n films like it."""
    film = served.model.catalog.film(row)
    link = "/recommend/?" + urlencode({"movie_id": film.movie_id, "n": n})
    return {"movie_id": film.movie_id, "title": film.title, "year": film.year, "link": link}


def movie_row(served: Served, movie_id: RawId) -> int:
    """Return the row of the film with that id. Raises a 404 problem."""
    try:
        return served.model.movie_row(movie_id)
    except UnknownMovieError as error:
        raise ProblemError(
            404, "movie-not-found", f"{error} /movies/search finds {served.model.manifest.items.plural}."
        ) from error
