"""Distances of what people do from the training data of the toy model."""

from __future__ import annotations

import pytest

from online.drift import drift
from online.events import Event
from online.recommendation_id import Recommendation, Subject, write_id
from recommender.model import Model
from tests.toy import build_arrays, build_manifest

KEYS = {0: b"k" * 32}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(build_manifest(), build_arrays())


def event(kind: str, *items: str, rating: float | None = None, recommendation: str = "") -> Event:
    return Event(kind, "kim", "", items, rating, recommendation, 0.0, 0.0, "")


def asked(row: int, time: int = 0) -> Event:
    token = write_id(Recommendation(b"abcd", Subject.ITEM, row, 3, time), 0, KEYS[0]).decode()
    return event("shown", "1", "2", recommendation=token)


def test_shares_of_what_is_unknown_and_of_what_is_shown(model: Model) -> None:
    events = [event("watched", "1"), event("clicked", "999"), event("rated", "no number", rating=4.0), asked(0)]
    figures = drift(events, KEYS, model)
    assert figures.unknown_items == pytest.approx(2 / 3)
    assert figures.coverage == 2 / len(model.movie_ids)
    assert figures.model_age_seconds > 0


def test_ratings_like_those_in_training_are_near_and_others_far(model: Model) -> None:
    counts = model.catalog.histograms.sum(axis=0)
    alike = [event("rated", "1", rating=float(model.feedback.bins[i])) for i, n in enumerate(counts) for _ in range(n)]
    assert drift(alike, KEYS, model).ratings == pytest.approx(0.0)
    assert drift([event("rated", "1", rating=0.5)] * 9, KEYS, model).ratings == pytest.approx(0.9, abs=0.1)


def test_asking_for_unpopular_films_alone_is_far(model: Model) -> None:
    counts = model.catalog.counts
    as_rated = [asked(row, time) for row, count in enumerate(counts) for time in range(count)]
    assert drift(as_rated, KEYS, model).subjects == pytest.approx(0.0, abs=0.01)
    assert drift([asked(int(counts.argmin()), time) for time in range(9)], KEYS, model).subjects == pytest.approx(
        0.75, abs=0.25
    )


def test_without_events_there_is_nothing_to_compare(model: Model) -> None:
    figures = drift([], KEYS, model)
    assert (figures.unknown_items, figures.subjects, figures.ratings, figures.coverage) == (None, None, None, 0.0)
