"""Find films by title or id; what the kernel does not find becomes a problem for the caller."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from urllib.parse import urlencode

from recommender.errors import AmbiguousTitleError, LookupFailedError, TitleNotFoundError, UnknownMovieError
from recommender.films.ids import RawId
from recommender.titles.index import TitleMatch
from serving.problem import ProblemError
from serving.schemas.common import DEFAULT_N
from serving.versions.served import Served

ROOT_PATH: ContextVar[str] = ContextVar("root_path", default="")  # of the request's addresses, behind a proxy


def resolve_title(served: Served, title: str, *, n: int, fuzzy: bool = False) -> TitleMatch:
    """Return the film with that title. Raises a 404 problem with suggestions or a 409 problem with the candidates."""
    try:
        return served.model.titles.resolve(title, fuzzy=fuzzy)
    except LookupFailedError as error:
        raise lookup_problem(served, error, n) from error


def movie_row(served: Served, movie_id: RawId) -> int:
    """Return the row of the film with that id. Raises a 404 problem."""
    try:
        return served.model.movie_row(movie_id)
    except UnknownMovieError as error:
        raise lookup_problem(served, error) from error


def lookup_problem(served: Served, error: LookupFailedError, n: int = DEFAULT_N, **extensions: Any) -> ProblemError:
    """Return the problem for a film that was not found; suggestions and candidates link to lists of `n` films."""
    match error:
        case TitleNotFoundError(suggestions=rows):
            suggestions = [film_link(served, row, n) for row in rows]
            return ProblemError(404, "title-not-found", str(error), suggestions=suggestions, **extensions)
        case AmbiguousTitleError(candidates=rows):
            candidates = [film_link(served, row, n) for row in rows]
            return ProblemError(409, "title-ambiguous", _several(served, error), candidates=candidates, **extensions)
        case _:
            detail = f"{error} /movies/search finds {served.model.manifest.items.plural}."
            return ProblemError(404, "movie-not-found", detail, **extensions)


def _several(served: Served, error: AmbiguousTitleError) -> str:
    """Return what is wrong with an ambiguous title, and what tells its films apart."""
    trouble = str(error).rstrip(".")
    if not error.same_title:
        return f"{trouble}; take one of the candidates, by its movie_id."
    years = [int(served.model.catalog.years[row]) for row in error.candidates]
    apart = all(years) and len(set(years)) == len(years)
    return f"{trouble}; {'the year' if apart else 'movie_id'} tells them apart."


def film_link(served: Served, row: int, n: int) -> dict[str, Any]:
    """Return a film as a dict, with the address of the API call for n films like it."""
    film = served.model.catalog.film(row)
    link = f"{ROOT_PATH.get()}/recommend/?" + urlencode({"movie_id": film.movie_id, "n": n})
    members = {"movie_id": film.movie_id, "title": film.title, "year": film.year}
    return {**members, "rating_count": film.rating_count, "link": link}
