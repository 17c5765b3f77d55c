"""Routes that recommend films, and the tags that steer them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from client.answers import Prediction, Recommendations, Tags
from serving.answering import json_bytes
from serving.answering.lookup import movie_row, resolve_title
from serving.answering.predict import predict
from serving.answering.recommend import films_for_ratings, films_for_two, films_for_user, similar_films
from serving.api.deps import Answering, CurrentSettings, PlainQuery
from serving.api.openapi import errors
from serving.problem import ProblemError
from serving.schemas.recommend import (
    ListOptions,
    PagedQuery,
    PredictBody,
    PredictQuery,
    RecommendBody,
    RecommendQuery,
    TagQuery,
)
from serving.settings import Settings

router = APIRouter(tags=["recommendations"])


@router.get("/recommend", include_in_schema=False)  # a call without the slash deserves better than a redirect
@router.get("/recommend/", response_model=Recommendations, responses=errors(403, 404, 409))
def recommend(answer: Answering, settings: CurrentSettings, query: Annotated[RecommendQuery, Query()]) -> Response:
    """Films like the film of that title or id, most alike first; or films for a user of the training data."""
    served = answer.served
    if query.user_id is not None:
        _require_explainable(query, settings)
        return answer.json(films_for_user(served, query.user_id, query))
    if query.movie_id is not None:
        return answer.json(similar_films(served, movie_row(served, query.movie_id), "movie_id", query))
    assert query.title is not None, "the query has exactly one subject"
    film = resolve_title(served, query.title, n=query.n, fuzzy=query.fuzzy)
    return answer.json(similar_films(served, film.row, film.matched, query))


@router.post("/recommend", include_in_schema=False)
@router.post("/recommend/", response_model=Recommendations, responses=errors(403, 404, 409, 413))
def recommend_for(
    answer: Answering,
    settings: CurrentSettings,
    query: Annotated[PagedQuery, Query()],
    body: Annotated[RecommendBody, Body()],
) -> Response:
    """Films for a person from posted ratings or likes, for two people, or films like a film; nothing is stored."""
    served = answer.served
    if body.people:
        return answer.fresh(films_for_two(served, body))
    if body.user_id is not None:
        _require_explainable(body, settings)
    if body.movie_id is not None:
        return answer.fresh(similar_films(served, movie_row(served, body.movie_id), "movie_id", body))
    if body.title is not None:
        film = resolve_title(served, body.title, n=body.n, fuzzy=body.fuzzy)
        return answer.fresh(similar_films(served, film.row, film.matched, body))
    return answer.fresh(films_for_ratings(served, body))


@router.get("/predict", response_model=Prediction, responses=errors(404, 409))
def predict_for_user(answer: Answering, settings: CurrentSettings, query: Annotated[PredictQuery, Query()]) -> Response:
    """What a user of the training data would give a film, why, and what keeps it out of the user's list."""
    return answer.json(predict(answer.served, query, tell_ratings=settings.explain_users))


@router.post("/predict", response_model=Prediction, responses=errors(404, 409, 413))
def predict_for_ratings(
    answer: Answering, settings: CurrentSettings, query: PlainQuery, body: Annotated[PredictBody, Body()]
) -> Response:
    """What a person with posted ratings or likes would give a film; nothing is stored."""
    return answer.fresh(predict(answer.served, body, tell_ratings=settings.explain_users))


def _require_explainable(options: ListOptions, settings: Settings) -> None:
    """Raise a 403 problem where reasons would tell what a user rated, and the service does not."""
    if (options.explain or options.for_and_against) and not settings.explain_users:
        raise ProblemError(403, "explanations-off", "This service does not tell what its users rated.")


@router.get("/tags", response_model=Tags, responses=errors(404))
def tags(answer: Answering, query: Annotated[TagQuery, Query()]) -> Response:
    """Tags, genres and people that `tag_boost` and `tag_suppress` understand, by part of the name."""
    features = answer.model.extras.matching_features(query.q, query.limit) if answer.model.extras else []
    entries = [{"kind": kind, "name": name, "movies": films} for kind, name, films in features]
    return answer.json(json_bytes.with_model(answer.served, tags=entries))
