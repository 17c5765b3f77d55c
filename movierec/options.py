"""Options of lists as keywords: the filters and wishes of the HTTP API, under the same names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any

from recommender.errors import UsageError
from recommender.films.catalog import FilmFilter
from recommender.films.ids import RawId
from recommender.model import Model, Wanted

_FILTERS = ("genres", "year_from", "year_to", "min_ratings", "facets", "exclude", "candidates")
_WHOLE = ("year_from", "year_to", "min_ratings", "offset")
_WISHES = ("offset", "include_seen", "min_expected", "max_per", "popularity", "recency", "diversity")


def list_options(model: Model, n: int, options: Mapping[str, Any]) -> Wanted:
    """Return what keywords ask for. Raises UsageError for an unknown one, or a value outside its range.

    `facets`: values by facet (`{"authors": ["Le Guin"]}`); `exclude`, `candidates`: ids; `max_per`: the most items of
    one value by facet (`{"directors": 1}`).
    """
    if unknown := [name for name in options if name not in _FILTERS + _WISHES]:
        raise UsageError(f"Unknown {', '.join(unknown)}; filters are {', '.join(_FILTERS + _WISHES)}.")
    n = whole("n", n, least=1)
    for name in _WHOLE:
        if options.get(name) is not None:
            whole(name, options[name], least=0)
    wishes = {name: value for name, value in options.items() if name in _WISHES}
    _require(wishes, "popularity", -1, 1)
    _require(wishes, "recency", -1, 1)
    _require(wishes, "diversity", 0, 1)
    limits = tuple(wishes.pop("max_per", {}).items())
    for facet, most in limits:
        if facet not in model.catalog.facets.facets or most < 1:
            names = ", ".join(model.catalog.facets.facets) or "none"
            raise UsageError(f"Expected limits of 1 or more for facets of {names}; found {facet!r}: {most!r}.")
    return Wanted(n=n, filter=_filter(model, options), limits=limits, **wishes)


def _filter(model: Model, options: Mapping[str, Any]) -> FilmFilter:
    filters = {name: value for name, value in options.items() if name in _FILTERS}
    genres = filters.get("genres", ())
    genres = (genres,) if isinstance(genres, str) else genres
    if not isinstance(genres, Collection) or not all(isinstance(genre, str) for genre in genres):
        raise UsageError(f"genres: expected one name or several, found {genres!r}.")
    filters["genres"] = tuple(genres)
    filters["facets"] = tuple((facet, value) for facet, values in filters.get("facets", {}).items() for value in values)
    for name in ("exclude", "candidates"):
        if filters.get(name) is not None:
            rows = model.movie_ids.rows(list(filters[name]))
            filters[name] = tuple(model.catalog.canonical[rows[rows >= 0]].tolist())
    return FilmFilter(**filters)


def raw_id(what: str, value: Any) -> RawId:
    """Return a title or id. Raises UsageError for what can be neither."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)  # a float too: pandas has them beside gaps
    if not is_number and not isinstance(value, str):
        raise UsageError(f"Expected a {what}, found {value!r}.")
    known: RawId = value
    return known


def whole(name: str, value: Any, *, least: int) -> int:
    """Return a whole number. Raises UsageError for anything else, and for less than `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise UsageError(f"{name}: expected a whole number of at least {least}, found {value!r}.")
    return int(value)


def _require(options: Mapping[str, Any], name: str, least: float, most: float) -> None:
    if not least <= options.get(name, least) <= most:
        raise UsageError(f"Expected {name} from {least:g} to {most:g}, found {options[name]!r}.")
