"""Answer queries for ranked films: for a film, a user of the training data, or posted ratings; as JSON bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp

from recommender.errors import NewUserError, UnknownUserError, UsageError
from recommender.explain import Explanation, Reason, explain_person, explain_similar
from recommender.films.catalog import FilmFilter
from recommender.films.ids import RawId
from recommender.model import Model, Ranked, Wanted, profile
from recommender.schema import GENRES
from serving.answering import json_bytes
from serving.answering.history import History, resolve_history
from serving.problem import ProblemError
from serving.schemas.recommend import ListOptions, RecommendBody
from serving.versions.served import Served

START_DIVERSITY = 0.3  # a first list should show a bit of everything
REASONS = 5  # rated films that are named for each recommendation


@dataclass(frozen=True)
class Person:
    """A person to recommend for: ratings (1, n_movies), and the row if it is a user of the training data."""

    history: sp.csr_matrix
    row: int | None = None


def similar_films(served: Served, row: int, matched: str, options: ListOptions) -> bytes:
    """Return the answer with the films most similar to the film at `row`."""
    ranked = served.model.similar(row, build_wanted(served, options))
    explained = explain_similar(served.model, row, ranked) if options.explain else []
    members = [_explanation(served, explanation) for explanation in explained]
    return json_bytes.recommendations(served, json_bytes.subject_json(served, row, matched), ranked, members)


def films_for_user(served: Served, user_id: RawId, options: ListOptions) -> bytes:
    """Return the answer with films for a user of the training data. Raises a 404 problem."""
    model = served.model
    try:
        row = model.user_row(user_id)
    except UnknownUserError as error:
        raise ProblemError(
            404,
            "user-not-found",
            "No user has this id in the training data. POST ratings or likes to /recommend/ for a person without one.",
        ) from error
    person = Person(model.history.ratings(np.array([row])), row)
    ranked = model.for_user(row, build_wanted(served, options))
    subject = {"user_id": user_id, "ratings": person.history.nnz, "matched": "user_id"}
    return _for_person(served, person, ranked, subject, explain=options.explain)


def films_for_ratings(served: Served, body: RecommendBody) -> bytes:
    """Return the answer with films for a person with posted ratings and likes; a start list without any."""
    history = resolve_history(served, body)
    if not history.rating_of_row:
        return start_list(served, body, history)
    rows = np.array(list(history.rating_of_row), dtype=np.int64)
    ratings = np.array(list(history.rating_of_row.values()), dtype=np.float32)
    try:
        ranked = served.model.for_profile(rows, ratings, build_wanted(served, body))
    except NewUserError as error:
        raise ProblemError(409, "no-new-users", str(error)) from error
    person = Person(profile(rows, ratings, len(served.model.movie_ids)))
    subject = {"user_id": None, "ratings": len(rows), "matched": "ratings", **history.members}
    return _for_person(served, person, ranked, subject, explain=body.explain)


def start_list(served: Served, options: ListOptions, history: History) -> bytes:
    """Return the answer with the most liked films, diversified, for a person without ratings."""
    wanted = build_wanted(served, options)
    if not wanted.diversity:
        wanted = replace(wanted, diversity=START_DIVERSITY)
    ranked = served.model.rank(
        served.model.catalog.likes.astype(np.float32), served.model.catalog.allowed(wanted.filter), wanted
    )
    subject = orjson.dumps({"user_id": None, "ratings": 0, "matched": "start", **history.members})
    return json_bytes.recommendations(served, subject, ranked)


def build_wanted(served: Served, options: ListOptions) -> Wanted:
    """Translate the caller's options for the kernel. Raises a 422 problem for a genre or tag that no film has."""
    model = served.model
    rows = model.movie_ids.rows(options.exclude)
    excluded = model.catalog.canonical[rows[rows >= 0]]  # a second entry stands for the film itself
    film_filter = FilmFilter(
        genres=tuple(options.genres),
        year_from=options.year_from,
        year_to=options.year_to,
        min_ratings=options.min_ratings,
        exclude=tuple(excluded.tolist()),
        facets=tuple((facet, value) for facet, _, value in (text.partition(":") for text in options.facet)),
    )
    _require_known(model, film_filter)
    return Wanted(options.n, film_filter, options.diversity, steering(model, options.tag_boost, options.tag_suppress))


def _require_known(model: Model, film_filter: FilmFilter) -> None:
    """Raise a 422 problem for a genre or another facet's value that no film has."""
    for facet, values in film_filter.values_by_facet.items():
        for value in values:
            try:
                model.catalog.facets.positions(facet, value)
            except UsageError as error:
                raise ProblemError(422, "unknown-genre" if facet == GENRES else "unknown-facet", str(error)) from error


def steering(model: Model, boost: Sequence[str], suppress: Sequence[str]) -> tuple[tuple[int, float], ...]:
    """Return feature columns and their weights, 1 or -1. Raises a 422 problem for a name that no film has."""
    weights: dict[int, float] = {}
    for sign, names in ((1.0, boost), (-1.0, suppress)):
        for name in names:
            columns = model.extras.find_features(name) if model.extras else []
            if not columns:
                raise ProblemError(422, "unknown-tag", "No film of this model has that tag. /tags?q= finds names.")
            weights |= dict.fromkeys(columns, sign)
    return tuple(weights.items())


def _for_person(served: Served, person: Person, ranked: Ranked, subject: dict[str, Any], *, explain: bool) -> bytes:
    model = served.model
    predicted = model.predicted_ratings(ranked.rows, person.history, person.row)
    members: list[dict[str, Any]] = [{} for _ in ranked.rows]
    if predicted is not None:
        members = [{"predicted_rating": round(float(value), 2)} for value in predicted]
    if explain:
        history = person.history
        explained = explain_person(model.user_scorer, model.stars(history), ranked, REASONS, person.row)
        given = dict(zip(history.indices.tolist(), history.data.tolist(), strict=True))
        explanations = [_explanation(served, explanation, given) for explanation in explained]
        members = [member | explanation for member, explanation in zip(members, explanations, strict=True)]
    return json_bytes.recommendations(served, orjson.dumps(subject), ranked, members)


def _explanation(
    served: Served, explanation: Explanation, ratings: Mapping[int, float] = MappingProxyType({})
) -> dict[str, Any]:
    """Return an explanation as JSON members; `ratings`: those that the person gave, by film row."""
    reasons = [_reason(served, reason, ratings) for reason in explanation.reasons]
    return {"explanation": {"reasons": reasons, "rest": round(explanation.rest, 6)}}


def _reason(served: Served, reason: Reason, ratings: Mapping[int, float]) -> dict[str, Any]:
    members: dict[str, Any] = {"kind": reason.kind, "name": reason.name, "contribution": round(reason.contribution, 6)}
    if reason.row is not None:
        film = served.model.catalog.film(reason.row)
        members |= {"name": film.title, "movie_id": film.movie_id, "rating": ratings[reason.row]}
    return members
