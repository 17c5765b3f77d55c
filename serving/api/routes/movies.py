"""Routes about one film, and the search for films."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from client.answers import Movie, MovieRatings, Movies
from recommender.schema import RATING_BINS
from serving.answering import json_bytes
from serving.answering.lookup import movie_row
from serving.api.deps import Answering, PlainQuery
from serving.api.openapi import errors
from serving.schemas.common import MovieId, SearchQuery

router = APIRouter(prefix="/movies", tags=["films"])
MovieIdPath = Annotated[MovieId, Path(description="MovieLens id of a film", examples=[1])]


@router.get("/search", response_model=Movies, responses=errors(404))
def search(answer: Answering, query: Annotated[SearchQuery, Query()]) -> Response:
    """Films by the beginning of a title, or by what somebody may have meant; for an autocomplete box."""
    return answer.json(json_bytes.movies(answer.served, answer.model.titles.search(query.q, query.limit)))


@router.get("/{movie_id}", response_model=Movie, responses=errors(404))
def movie(answer: Answering, movie_id: MovieIdPath, query: PlainQuery) -> Response:
    """One film."""
    row = movie_row(answer.served, movie_id)
    return answer.json(b'{"model":%b,"movie":%b}' % (answer.served.identity_json, answer.model.catalog.text(row)))


@router.get("/{movie_id}/ratings", response_model=MovieRatings, responses=errors(404))
def ratings(answer: Answering, movie_id: MovieIdPath, query: PlainQuery) -> Response:
    """How a film was rated: the number of ratings by half star."""
    row = movie_row(answer.served, movie_id)
    film = orjson.loads(answer.model.catalog.text(row))
    members = {name: film[name] for name in ("movie_id", "title", "average_rating", "rating_count")}
    counts = answer.model.catalog.histograms[row].tolist()
    return answer.json(json_bytes.with_model(answer.served, **members, histogram=histogram(counts)))


def histogram(counts: list[int]) -> list[dict[str, float]]:
    """Return the number of ratings of each half star, as answers show it."""
    return [{"stars": stars, "count": count} for stars, count in zip(RATING_BINS.tolist(), counts, strict=True)]
