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
from serving.api.deps import Answering, CurrentSettings
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
from serving.versions.served import Served

router = APIRouter(tags=["recommendations"])


@router.get("/recommend", include_in_schema=False)  # a call without the slash deserves better than a redirect
@router.get("/recommend/", response_model=Recommendations, responses=errors(403, 404, 409))
def recommend(answer: Answering, settings: CurrentSettings, query: Annotated[RecommendQuery, Query()]) -> Response:
    """Films like the film of that title or id, most alike first; or films for a user of the training data."""
    query = answer.without_dismissed(query)
    user_id = query.user_id
    if user_id is not None:
        _require_explainable(query, settings)
        films = answer.of_versions(lambda served, options: films_for_user(served, user_id, options), query)
        return answer.with_id(answer.json(films), query, user_row=answer.model.user_row(user_id))
    films = answer.of_versions(_films_like, query)
    return answer.with_id(answer.json(films), query, item_row=_subject(answer.served, query)[0])


@router.post("/recommend", include_in_schema=False)
@router.post("/recommend/", response_model=Recommendations, responses=errors(403, 404, 409, 413))
def recommend_for(
    answer: Answering,
    settings: CurrentSettings,
    query: Annotated[PagedQuery, Query()],
    body: Annotated[RecommendBody, Body()],
) -> Response:
    """Films for a person from posted ratings or likes, for two people, or films like a film; nothing is stored."""
    body = answer.without_dismissed(body)
    if body.movie_id is not None or body.title is not None:
        films = answer.of_versions(_films_like, body)
        return answer.with_id(answer.fresh(films), body, item_row=_subject(answer.served, body)[0])
    if body.user_id is not None:
        _require_explainable(body, settings)
    films = answer.of_versions(films_for_two if body.people else films_for_ratings, body)
    return answer.with_id(answer.fresh(films), body)


def _films_like(served: Served, named: RecommendQuery | RecommendBody) -> bytes:
    return similar_films(served, *_subject(served, named), named)


def _subject(served: Served, named: RecommendQuery | RecommendBody) -> tuple[int, str]:
    """Return the row of the film that is named by id or title, and how its name matched."""
    if named.movie_id is not None:
        return movie_row(served, named.movie_id), "movie_id"
    assert named.title is not None, "one of them is given"
    film = resolve_title(served, named.title, n=named.n, fuzzy=named.fuzzy)
    return film.row, film.matched


@router.get("/predict", response_model=Prediction, responses=errors(404, 409))
def predict_for_user(answer: Answering, settings: CurrentSettings, query: Annotated[PredictQuery, Query()]) -> Response:
    """What a user of the training data would give a film, why, and what keeps it out of the user's list."""
    return answer.json(predict(answer.served, query, tell_ratings=settings.explain_users))


@router.post("/predict", response_model=Prediction, responses=errors(404, 409, 413))
def predict_for_ratings(
    answer: Answering,
    settings: CurrentSettings,
    query: Annotated[PagedQuery, Query()],
    body: Annotated[PredictBody, Body()],
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
