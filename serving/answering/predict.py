"""Answer what one person would give one film, as JSON bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson

from recommender.explain import both_sides
from recommender.model import Person
from recommender.predicting import LIMIT, interval, place
from recommender.scoring.intervals import LEVEL
from serving.answering import json_bytes
from serving.answering.recommend import (
    REASONS,
    film_row,
    known_person,
    list_for,
    model_problems,
    named_limits,
    person_subject,
    posted_person,
    sides_json,
)
from serving.schemas.recommend import ListOptions, PredictBody, PredictQuery
from serving.versions.served import Served


def predict(served: Served, request: PredictQuery | PredictBody, *, tell_ratings: bool) -> bytes:
    """Return the answer about one person and one film; `tell_ratings`: whether reasons may name what a user rated."""
    model = served.model
    person, matching = _person(served, request)
    row = film_row(served, request.movie_id, request.title, request)
    with model_problems():
        prediction = interval(model, person, row)
        scores, wanted = list_for(served, person, request)
        placed = place(model, person, row, wanted, scores)
    usual = model.usual_rating(person) if model.feedback.has_ratings else None
    members = {
        "query": person_subject(person, request.user_id, matching),
        "movie": orjson.loads(model.catalog.text(row)),
        "prediction": _rounded(asdict(prediction)) | {"level": LEVEL} if prediction else None,
        "usual_rating": None if usual is None else round(usual, 2),
        "below_usual": None if prediction is None or usual is None else prediction.expected < usual,
        "place": asdict(placed) | {"kept_away_by": _option_names(placed.kept_away_by, request)},
        "reasons_for": None,
        "reasons_against": None,
    }
    if tell_ratings or request.user_id is None:
        members |= sides_json(served, both_sides(model, person, np.array([row]), REASONS)[0], person)
    return json_bytes.with_model(served, **members)


def _person(served: Served, request: PredictQuery | PredictBody) -> tuple[Person, dict[str, Any]]:
    if isinstance(request, PredictQuery):
        return known_person(served, request.user_id), {}
    person, history = posted_person(served, request, request)
    return person, history.members


def _option_names(causes: Sequence[str], options: ListOptions) -> list[str]:
    """Return what keeps a film away by the names of the caller's options."""
    names: dict[str, list[str]] = {"facets": ["facet"]}
    names["diversity"] = ["diversity"] if options.diversity else []  # else it is a start list's own
    names["steer"] = [name for name in ("tag_boost", "tag_suppress") if getattr(options, name)]
    for name, facet, _ in sorted(named_limits(options), key=lambda limit: -limit[2]):  # the lowest of a facet counts
        names[f"{LIMIT}:{facet}"] = [name if name != LIMIT else f"{LIMIT}:{facet}"]
    return [name for cause in causes for name in names.get(cause, [cause])]


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {name: round(number, 2) for name, number in numbers.items()}
