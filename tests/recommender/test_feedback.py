"""What ratings and events mean: stars for the models, positions and bins for what is stored and shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.feedback import MOST_BINS, MOVIELENS, Feedback

TEN = Feedback.scale(1, 10, 1)
THUMBS = Feedback.scale(-1, 1, 2)
EVENTS = Feedback(kind="events", minimum=0, maximum=100, step=1, like=5)


def test_stars_of_movielens_are_its_ratings_and_nothing_is_copied() -> None:
    ratings = MOVIELENS.bins
    assert MOVIELENS.stars(ratings) is ratings
    np.testing.assert_array_equal(MOVIELENS.ratings(ratings), ratings)
    assert MOVIELENS.like_stars == 4.0


def test_another_scale_is_mapped_linearly_and_back() -> None:
    np.testing.assert_allclose(TEN.stars(TEN.bins), np.linspace(0.5, 5, 10), rtol=1e-6)
    np.testing.assert_allclose(TEN.ratings(TEN.stars(TEN.bins)), TEN.bins, rtol=1e-6)
    assert (TEN.like, TEN.like_stars) == (8, 4.0)
    assert THUMBS.stars(np.array([-1.0, 1.0])).tolist() == [0.5, 5.0]
    assert TEN.ratings(np.array([-3.0, 9.0])).tolist() == [1, 10], "predictions stay on the scale"


@given(st.sampled_from([MOVIELENS, TEN, THUMBS, Feedback.scale(0, 1, 0.1), Feedback.scale(-10, 10, 0.01)]))
def test_a_like_in_ratings_is_a_like_in_stars(scale: Feedback) -> None:
    ratings = scale.at(np.arange(1, scale.positions_count + 1)).astype(np.float32)
    np.testing.assert_array_equal(
        ratings >= np.float32(scale.like), scale.stars(ratings) >= np.float32(scale.like_stars)
    )
    np.testing.assert_array_equal(scale.positions(ratings), np.arange(1, scale.positions_count + 1))


def test_weights_of_events_grow_by_their_logarithm() -> None:
    weights = EVENTS.stars(np.array([1.0, 5.0, 500.0], dtype=np.float32))
    assert weights[1] == pytest.approx(4.0)
    assert 0 < weights[0] < 2
    assert weights[2] < 15, "a hundred purchases do not count as a hundred"
    assert len(EVENTS.bins) == 0


def test_a_scale_of_many_steps_has_a_histogram_of_few_bins() -> None:
    fine = Feedback.scale(-10, 10, 0.01)
    assert len(fine.bins) <= MOST_BINS
    bins = fine.bin(np.array([-10, 0, 10]))
    assert bins[0] == 0
    assert bins[-1] == len(fine.bins) - 1
    assert fine.bins[bins[1]] <= 0
    assert len(Feedback.scale(0, 100, 1).bins) == 101
