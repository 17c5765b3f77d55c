"""Recommendations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from recommender.model import Wanted
from serving import answers
from serving.deps import Answering
from serving.lookup import movie_row, resolve_title
from serving.schemas import Recommendations, RecommendQuery
from serving.served import Served

router = APIRouter(tags=["recommendations"])


@router.get("/recommend/", response_model=Recommendations)
def recommend(answer: Answering, query: Annotated[RecommendQuery, Query()]) -> Response:
    """Films like the film of that title, most alike first."""
    row, matched = _subject(answer.served, query)
    ranked = answer.model.similar(row, Wanted(n=query.n))
    return answer.json(
        answers.recommendations(answer.served, answers.subject_json(answer.served, row, matched), ranked)
    )


def _subject(served: Served, query: RecommendQuery) -> tuple[int, str]:
    if query.movie_id is not None:
        return movie_row(served, query.movie_id), "movie_id"
    assert query.title is not None, "the query has exactly one subject"
    found = resolve_title(served, query.title, n=query.n)
    return found.row, found.matched
