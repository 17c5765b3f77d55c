"""Routes that recommend films, and the tags that steer them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from client.answers import Recommendations, Tags
from serving.answering import json_bytes
from serving.answering.lookup import movie_row, resolve_title
from serving.answering.recommend import films_for_ratings, films_for_user, similar_films
from serving.api.deps import Answering, CurrentSettings, PlainQuery
from serving.api.openapi import errors
from serving.problem import ProblemError
from serving.schemas.recommend import RecommendBody, RecommendQuery, TagQuery
from serving.versions.served import Served

router = APIRouter(tags=["recommendations"])


@router.get("/recommend", include_in_schema=False)  # a call without the slash deserves better than a redirect
@router.get("/recommend/", response_model=Recommendations, responses=errors(403, 404, 409))
def recommend(answer: Answering, settings: CurrentSettings, query: Annotated[RecommendQuery, Query()]) -> Response:
    """Films like the film of that title or id, most alike first; or films for a user of the training data."""
    query = answer.without_dismissed(query)
    user_id = query.user_id
    if user_id is not None:
        if query.explain and not settings.explain_users:
            raise ProblemError(403, "explanations-off", "This service does not tell what its users rated.")
        films = answer.of_versions(lambda served: films_for_user(served, user_id, query))
        answer.note(query, user_row=answer.model.user_row(user_id))
        return answer.json(films)
    films = answer.of_versions(lambda served: similar_films(served, *_subject(served, query), query))
    answer.note(query, item_row=_subject(answer.served, query)[0])
    return answer.json(films)


@router.post("/recommend", include_in_schema=False)
@router.post("/recommend/", response_model=Recommendations, responses=errors(404, 409, 413))
def recommend_for(answer: Answering, query: PlainQuery, body: Annotated[RecommendBody, Body()]) -> Response:
    """Films for a person without an account, from posted ratings or likes, or films like a film; nothing is stored."""
    body = answer.without_dismissed(body)
    if body.movie_id is None and body.title is None:
        films = answer.of_versions(lambda served: films_for_ratings(served, body))
        answer.note(body)
        return answer.fresh(films)
    films = answer.of_versions(lambda served: similar_films(served, *_subject(served, body), body))
    answer.note(body, item_row=_subject(answer.served, body)[0])
    return answer.fresh(films)


def _subject(served: Served, named: RecommendQuery | RecommendBody) -> tuple[int, str]:
    """Return the row of the film that is named by id or title, and how its name matched."""
    if named.movie_id is not None:
        return movie_row(served, named.movie_id), "movie_id"
    assert named.title is not None, "one of them is given"
    film = resolve_title(served, named.title, n=named.n, fuzzy=named.fuzzy)
    return film.row, film.matched


@router.get("/tags", response_model=Tags, responses=errors(404))
def tags(answer: Answering, query: Annotated[TagQuery, Query()]) -> Response:
    """Tags, genres and people that `tag_boost` and `tag_suppress` understand, by part of the name."""
    features = answer.model.extras.matching_features(query.q, query.limit) if answer.model.extras else []
    entries = [{"kind": kind, "name": name, "movies": films} for kind, name, films in features]
    return answer.json(json_bytes.with_model(answer.served, tags=entries))
