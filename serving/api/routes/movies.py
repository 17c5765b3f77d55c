"""Routes about one film, and the search for films."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from client.answers import Movie, MovieRatings, Movies
from recommender.feedback import Feedback
from serving.answering import json_bytes
from serving.answering.lookup import movie_row
from serving.api.deps import Answering, PlainQuery
from serving.api.openapi import errors
from serving.schemas.common import SearchQuery
from serving.schemas.data_values import MovieId

router = APIRouter(prefix="/movies", tags=["films"])
MovieIdPath = Annotated[MovieId, Path(description="id of a film", examples=[1])]


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
    """How a film was rated: the number of ratings by step of the scale; none where there are only events."""
    row = movie_row(answer.served, movie_id)
    film = orjson.loads(answer.model.catalog.text(row))
    members = {name: film[name] for name in ("movie_id", "title", "average_rating", "rating_count")}
    counts = answer.model.catalog.histograms[row].tolist()
    return answer.json(
        json_bytes.with_model(answer.served, **members, histogram=histogram(counts, answer.model.feedback))
    )


def histogram(counts: list[int], feedback: Feedback) -> list[dict[str, float]]:
    """Return the number of ratings in each bin of the scale, as answers show it."""
    labels = [float(str(label)) for label in feedback.bins]  # 0.1, not the nearest float32
    return [{"stars": label, "count": count} for label, count in zip(labels, counts, strict=True)]
