"""Routes to explore films: the map, ratings over time, features of a film, two films side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from starlette.responses import Response

from client.answers import Comparison, FacetValues, Features, FilmMap, InCommon, OverTime, ReleaseYears
from recommender.errors import UsageError
from recommender.films.catalog import Catalog, FilmFilter
from recommender.films.extras import Extras
from recommender.films.extras import OverTime as RatingsOverTime
from recommender.model import Model
from recommender.schema import GENRES
from serving.answering import json_bytes
from serving.answering.lookup import movie_row
from serving.api.deps import Answering, PlainQuery
from serving.api.openapi import errors
from serving.api.routes.movies import MovieIdPath
from serving.problem import ProblemError
from serving.schemas.explore import CommonQuery, FacetQuery, GenreQuery

router = APIRouter(tags=["explore"])
SHARED_FEATURES = 12
_MAP_FIELDS = ("movie_id", "title", "year", "genres", "average_rating", "rating_count")


@router.get("/map", response_model=FilmMap, responses=errors(404))
def film_map(answer: Answering, query: PlainQuery) -> Response:
    """The most rated films on a map on which neighbours are alike, most rated first."""
    extras, catalog = _extras(answer.model), answer.model.catalog
    by_count = np.argsort(-catalog.counts[extras.map_rows], kind="stable").tolist()
    rows, positions = extras.map_rows.tolist(), np.round(extras.map_xy.astype(np.float64), 4).tolist()
    films = [_map_film(catalog, rows[i], *positions[i]) for i in by_count]
    return answer.json(json_bytes.with_model(answer.served, films=films))


@router.get("/movies/{movie_id}/over-time", response_model=OverTime, responses=errors(404))
def film_over_time(answer: Answering, movie_id: MovieIdPath, query: PlainQuery) -> Response:
    """How often and how well a film was rated, by the time of the rating."""
    over_time = _extras(answer.model).film_over_time(movie_row(answer.served, movie_id))
    return answer.json(json_bytes.with_model(answer.served, periods=_periods(over_time)))


@router.get("/analytics/over-time", response_model=OverTime, responses=errors(404))
def ratings_over_time(answer: Answering, query: Annotated[GenreQuery, Query()]) -> Response:
    """How many ratings were given and how high, by the time of the rating; of all films or of one genre."""
    extras = _extras(answer.model)
    genre = _genre_position(answer.model.catalog, query.genre)
    over_time = extras.all_over_time() if genre is None else extras.genre_over_time(genre)
    return answer.json(json_bytes.with_model(answer.served, periods=_periods(over_time)))


@router.get("/analytics/release-years", response_model=ReleaseYears, responses=errors(404))
def release_years(answer: Answering, query: Annotated[GenreQuery, Query()]) -> Response:
    """Films, ratings and average by the year of release; of all films or of one genre."""
    catalog = answer.model.catalog
    genre = _genre_position(catalog, query.genre)
    dated = catalog.allowed(FilmFilter()) & (catalog.years > 0)
    in_genre = dated if genre is None else _only(dated, catalog.facets.items(GENRES, genre))
    years = _years(catalog, in_genre, dated, has_ratings=answer.model.feedback.has_ratings)
    return answer.json(json_bytes.with_model(answer.served, years=years))


@router.get("/facets", response_model=FacetValues, responses=errors(404))
def facet_values(answer: Answering, query: Annotated[FacetQuery, Query()]) -> Response:
    """The values of a facet, those of most films first: what the parameter `facet` filters by."""
    try:
        counts = answer.model.catalog.facets.counts(query.facet)
    except UsageError as error:
        raise ProblemError(422, "unknown-facet", str(error)) from error
    part = query.q.casefold()
    matching = [(value, count) for value, count in counts if part in value.casefold()]
    most_common = sorted(matching, key=lambda pair: -pair[1])[: query.limit]
    values = [{"value": value, "movies": count} for value, count in most_common]
    return answer.json(json_bytes.with_model(answer.served, facet=query.facet, values=values))


@router.get("/movies/{movie_id}/features", response_model=Features, responses=errors(404))
def features(answer: Answering, movie_id: MovieIdPath, query: PlainQuery) -> Response:
    """What is known about a film: genres, era, people and, where the model has them, tags."""
    row = movie_row(answer.served, movie_id)
    entries = [_feature(name, weight) for name, weight in _extras(answer.model).features(row)]
    return answer.json(json_bytes.with_model(answer.served, movie_id=movie_id, features=entries))


@router.get("/movies/{movie_id}/common", response_model=InCommon, responses=errors(404))
def common_viewers(answer: Answering, movie_id: MovieIdPath, query: Annotated[CommonQuery, Query()]) -> Response:
    """How many people rated, and liked, a film and each of some others."""
    extras, row = _extras(answer.model), movie_row(answer.served, movie_id)
    pairs = [(other, extras.common(row, movie_row(answer.served, other))) for other in query.with_ids]
    films = [{"movie_id": other, "viewers": common.viewers, "likes": common.likes} for other, common in pairs]
    return answer.json(json_bytes.with_model(answer.served, movie_id=movie_id, films=films))


@router.get("/movies/{movie_id}/compare/{other_id}", response_model=Comparison, responses=errors(404))
def compare(answer: Answering, movie_id: MovieIdPath, other_id: MovieIdPath, query: PlainQuery) -> Response:
    """Two films side by side: likeness, people in common, and what they share."""
    first, second = movie_row(answer.served, movie_id), movie_row(answer.served, other_id)
    extras, catalog = _extras(answer.model), answer.model.catalog
    common = extras.common(first, second)
    body = {
        "movies": [orjson.Fragment(catalog.text(row)) for row in (first, second)],
        **_similarity(answer.model, first, second),
        "common_viewers": common.viewers,
        "common_likes": common.likes,
        "shared_features": [asdict(feature) for feature in extras.shared_features(first, second, SHARED_FEATURES)],
    }
    return answer.json(json_bytes.with_model(answer.served, **body))


def _extras(model: Model) -> Extras:
    if model.extras is None:
        raise ProblemError(
            404, "not-in-model", "This model version carries no such figures; train it on a whole data set."
        )
    return model.extras


def _only(mask: NDArray[np.bool_], rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return `mask` (n,) with False everywhere but at `rows`."""
    narrowed = np.zeros_like(mask)
    narrowed[rows] = mask[rows]
    return narrowed


def _genre_position(catalog: Catalog, genre: str | None) -> int | None:
    if genre is None:
        return None
    try:
        return catalog.facets.positions(GENRES, genre)[-1]
    except UsageError as error:
        raise ProblemError(422, "unknown-genre", str(error)) from error


def _feature(name: str, weight: float) -> dict[str, Any]:
    kind, _, text = name.partition(":")
    return {"kind": kind, "name": text, "weight": round(weight, 4)}


def _map_film(catalog: Catalog, row: int, x: float, y: float) -> dict[str, Any]:
    film = orjson.loads(catalog.text(row))
    return {**{name: film[name] for name in _MAP_FIELDS}, "x": x, "y": y}


def _periods(over_time: RatingsOverTime) -> list[dict[str, Any]]:
    rows = zip(over_time.periods.tolist(), over_time.counts.tolist(), over_time.averages.tolist(), strict=True)
    return [
        {
            "period": _label(period),
            "ratings": count,
            "average_rating": round(average, 3) if average == average else None,
        }
        for period, count, average in rows
    ]


def _label(period: int) -> str:
    """Return 1998 for the year 1998, and 1998-04 for the month 199804."""
    return str(period) if period < 10_000 else f"{period // 100}-{period % 100:02d}"


def _years(
    catalog: Catalog, in_genre: NDArray[np.bool_], dated: NDArray[np.bool_], *, has_ratings: bool
) -> list[dict[str, Any]]:
    """Return figures for every year in which any film came out, so that shares of several years can be added up."""
    years, counts = catalog.years.astype(np.int64), catalog.counts.astype(np.float64)
    length = int(years.max(initial=0)) + 1
    films = np.bincount(years[in_genre], minlength=length)
    ratings = np.bincount(years[in_genre], counts[in_genre], length)
    sums = np.bincount(years[in_genre], (catalog.averages * counts)[in_genre], length)
    all_ratings = np.bincount(years[dated], counts[dated], length)
    return [
        {
            "year": year,
            "movies": int(films[year]),
            "ratings": int(ratings[year]),
            "average_rating": round(float(sums[year] / ratings[year]), 3) if ratings[year] and has_ratings else None,
            "all_ratings": int(all_ratings[year]),
        }
        for year in np.unique(years[dated]).tolist()
    ]


def _similarity(model: Model, first: int, second: int) -> dict[str, Any]:
    """Return the second film's score and its rank among all films that could be recommended for the first."""
    scores = model.item_scorer.similar(np.array([first]))[0]
    allowed = model.catalog.allowed(FilmFilter())
    allowed[[first, model.catalog.canonical[first]]] = False
    same = model.catalog.canonical[first] == model.catalog.canonical[second]
    place = None if same else int(np.count_nonzero(scores[allowed] > scores[second])) + 1
    return {"score": round(float(scores[second]), 6), "place": place, "of": int(np.count_nonzero(allowed))}
