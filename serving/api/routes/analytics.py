"""Routes with figures about films and ratings: the data set, the top films, the genres."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from starlette.responses import Response

from client.answers import Genres, Movies, Summary
from recommender.errors import UsageError
from recommender.feedback import MOVIELENS
from recommender.films.catalog import Catalog, FilmFilter
from recommender.format_one import FILMS_OF_FORMAT_ONE
from recommender.items import FILMS
from recommender.model import Model
from recommender.schema import GENRES
from recommender.scoring.ranking import mask_scores, top_n
from serving.answering import json_bytes
from serving.api.deps import Answering, PlainQuery
from serving.api.openapi import errors
from serving.api.routes.movies import histogram
from serving.problem import ProblemError
from serving.schemas.common import TopQuery

router = APIRouter(prefix="/analytics", tags=["analytics"])
DAMPING = 10  # ratings of the overall average that a film's own average is mixed with


@router.get("/summary", response_model=Summary, responses=errors(404))
def summary(answer: Answering, query: PlainQuery) -> Response:
    """The data set that the model was fitted on, and how its ratings spread over the scale."""
    dataset = answer.model.manifest.dataset
    # The snapshot names the kind of feedback in one word; callers read the whole scale under the same name.
    snapshot = {name: value for name, value in dataset.snapshot.items() if name != "feedback"}
    members = {"name": dataset.name, "fingerprint": dataset.fingerprint, **snapshot, **_kind(answer.model)}
    counts = answer.model.catalog.histograms.sum(axis=0, dtype=np.int64).tolist()
    return answer.json(
        json_bytes.with_model(answer.served, dataset=members, histogram=histogram(counts, answer.model.feedback))
    )


@router.get("/top", response_model=Movies, responses=errors(404))
def top(answer: Answering, query: Annotated[TopQuery, Query()]) -> Response:
    """The most rated films, or the best rated by an average damped towards the overall one."""
    catalog = answer.model.catalog
    if query.by == "average" and not answer.model.feedback.has_ratings:
        raise ProblemError(422, "no-ratings", "This data set has events without ratings: there is no average.")
    genres = (query.genre,) if query.genre else ()
    try:
        allowed = catalog.allowed(FilmFilter(genres=genres, min_ratings=max(query.min_ratings, 1)))
    except UsageError as error:
        raise ProblemError(422, "unknown-genre", str(error)) from error
    scores = catalog.counts.astype(np.float32) if query.by == "count" else damped_averages(catalog)
    return answer.json(json_bytes.movies(answer.served, top_n(mask_scores(scores, allowed), query.n).tolist()))


@router.get("/genres", response_model=Genres, responses=errors(404))
def genres(answer: Answering, query: PlainQuery) -> Response:
    """Films, ratings and average rating of each genre."""
    catalog = answer.model.catalog
    canonical = catalog.allowed(FilmFilter())
    figures = [
        _genre_figures(catalog, canonical, position, name, has_ratings=answer.model.feedback.has_ratings)
        for position, name in enumerate(catalog.genre_names)
    ]
    return answer.json(json_bytes.with_model(answer.served, genres=figures))


def _kind(model: Model) -> dict[str, Any]:
    """Return what the ratings and the items are, where they are not MovieLens's."""
    manifest = model.manifest
    is_films = manifest.items in (FILMS, FILMS_OF_FORMAT_ONE)
    return ({} if manifest.feedback == MOVIELENS else {"feedback": manifest.feedback.model_dump()}) | (
        {} if is_films else {"items": manifest.items.model_dump(mode="json")}
    )


def damped_averages(catalog: Catalog) -> NDArray[np.float32]:
    """Return (n,) average ratings, each mixed with DAMPING ratings of the overall average."""
    counts = catalog.counts.astype(np.float64)
    overall = float((catalog.averages * counts).sum() / max(counts.sum(), 1.0))
    return ((catalog.averages * counts + overall * DAMPING) / (counts + DAMPING)).astype(np.float32)


def _genre_figures(
    catalog: Catalog, canonical: NDArray[np.bool_], position: int, name: str, *, has_ratings: bool
) -> dict[str, Any]:
    rows = catalog.facets.items(GENRES, position)
    members = rows[canonical[rows]]
    counts = catalog.counts[members].astype(np.float64)
    ratings = int(counts.sum())
    average = round(float((catalog.averages[members] * counts).sum() / ratings), 3) if ratings and has_ratings else None
    return {"genre": name, "movies": len(members), "ratings": ratings, "average_rating": average}
