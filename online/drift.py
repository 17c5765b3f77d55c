"""How far what people do has moved from the training data: shares and distances, between 0 and 1 but for the age."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from online.events import Event, Kind
from online.recommendation_id import Subject, read_id
from recommender.films.ids import UNKNOWN
from recommender.model import Model

LATEST = 10_000  # events that are looked at
_POPULARITY_GROUPS = 10


class Drift(BaseModel):
    """Figures of the latest events against the model's training data; None where there is nothing to compare."""

    unknown_items: float | None = Field(
        description="Share of clicked, watched and rated items that the served version does not know."
    )
    subjects: float | None = Field(
        description="Distance of the popularity of films asked about from the training data's, 0 to 1."
    )
    ratings: float | None = Field(description="Distance of the spread of ratings from the training data's, 0 to 1.")
    coverage: float = Field(description="Share of the catalogue that was shown.")
    model_age_seconds: float = Field(description="Seconds since the served version was trained.")


def drift(events: Iterable[Event], keys: Mapping[int, bytes], model: Model) -> Drift:
    """Return how far events have moved from the data of a model."""
    used: list[str] = []
    shown: set[str] = set()
    ratings: list[float] = []
    subjects: dict[str, int] = {}
    for event in events:
        if event.kind == Kind.SHOWN:
            shown.update(event.items)
            recommendation = read_id(event.recommendation, keys)
            if recommendation is not None and recommendation.subject_kind == Subject.ITEM:
                subjects[event.recommendation] = recommendation.subject
        else:
            used += event.items
        if event.rating is not None:
            ratings.append(event.rating)
    return Drift(
        unknown_items=np.mean([not _is_known(item, model) for item in used]).item() if used else None,
        subjects=_subject_distance(np.array(list(subjects.values()), dtype=np.int64), model.catalog.counts),
        ratings=_rating_distance(np.array(ratings), model),
        coverage=len(shown) / max(len(model.movie_ids), 1),
        model_age_seconds=time.time() - datetime.fromisoformat(model.manifest.created).timestamp(),
    )


def _is_known(item: str, model: Model) -> bool:
    raw_id = model.movie_ids.from_text(item)
    return raw_id is not None and model.movie_ids.row(raw_id) != UNKNOWN


def _subject_distance(rows: npt.NDArray[np.int64], counts: npt.NDArray[np.int32]) -> float | None:
    """Return the distance over groups of films of which each has as many ratings in training as the others."""
    rows = rows[rows < len(counts)]  # of a larger version
    order = np.argsort(-counts, kind="stable")
    total = max(float(counts.sum()), 1.0)
    groups = np.empty(len(counts), dtype=np.int64)
    groups[order] = np.minimum(_POPULARITY_GROUPS * np.cumsum(counts[order]) / total, _POPULARITY_GROUPS - 1)
    in_training = np.bincount(groups, weights=counts, minlength=_POPULARITY_GROUPS)
    return _distance(np.bincount(groups[rows], minlength=_POPULARITY_GROUPS), in_training)


def _rating_distance(ratings: npt.NDArray[np.float64], model: Model) -> float | None:
    if not model.feedback.has_ratings:
        return None
    in_training = model.catalog.histograms.sum(axis=0, dtype=np.int64)
    bins = model.feedback.bin(ratings) if len(ratings) else np.array([], dtype=np.int64)
    return _distance(np.bincount(np.clip(bins, 0, len(in_training) - 1), minlength=len(in_training)), in_training)


def _distance(counts: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]) -> float | None:
    """Return the total variation distance of two histograms: the share that would have to move."""
    ours, theirs = np.asarray(counts, np.float64), np.asarray(reference, np.float64)
    if not ours.sum() or not theirs.sum():
        return None
    return float(0.5 * np.abs(ours / ours.sum() - theirs / theirs.sum()).sum())
