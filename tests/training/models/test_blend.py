"""What a blend makes of candidates that are equally like a film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.models.conftest import UNRATED, taste_of_film
from training.models import configure
from training.models.arrays import with_ratings
from training.models.fits import Fits

LOVED, OTHER = 3, 4  # films of one taste
SMALL = ["als.factors=8", "als.regularization=1", "als.weight_slope=0", "content.factors=4"]


def gains(data, *overrides):
    """(n,) gains of every film as a candidate, by taste and by content."""
    fitted = Fits(data, 0, lambda what, share: None).get("blend", configure("blend", [*SMALL, *overrides]))
    return np.stack([fitted.arrays["blend_als_candidate_gain"], fitted.arrays["blend_content_candidate_gain"]])


def with_few(data, film, kept):
    """The world with `kept` ratings of `film`, 5 stars each."""
    stars = data.user_item.copy()
    own = np.flatnonzero(stars.indices == film)
    stars.data[own] = np.where(np.arange(len(own)) < kept, 5, 0)
    stars.eliminate_zeros()
    return replace(data, user_item=stars)


def test_the_better_loved_of_two_films_comes_nearer_by_taste_and_by_content(data):
    stars = data.user_item
    worse = with_ratings(stars, np.where(stars.indices == OTHER, 1, stars.data))
    before, after = gains(data), gains(replace(data, user_item=worse))
    assert (after[:, OTHER] / after[:, LOVED] < 0.9 * before[:, OTHER] / before[:, LOVED]).all()


def test_one_rating_says_little_of_how_well_a_film_is_loved(data):
    seen_once = with_few(data, OTHER, 1)
    mean = seen_once.user_item.data.mean()
    stars = (5 / mean + 20) / 21  # beside 20 ratings at the mean
    _, content = gains(seen_once, "star_damping=20", "content_evidence=10")
    assert content[OTHER] == pytest.approx(stars * np.sqrt(2 / 10))


def test_a_gain_makes_up_for_an_expected_taste_being_less_like_any_one_film(data):
    (taste, content), (twice, same) = (gains(data, f"newcomer_gain={gain}") for gain in (1, 2))
    np.testing.assert_allclose(twice, np.where(np.arange(len(taste)) == UNRATED, 2, 1) * taste)
    np.testing.assert_array_equal(same, content)


def test_a_new_film_among_films_that_nobody_loves_is_not_expected_to_be_loved(data):
    stars = data.user_item
    alike = taste_of_film(stars.indices) == taste_of_film(UNRATED)
    worse = replace(data, user_item=with_ratings(stars, np.where(alike, 1, stars.data)))
    assert (gains(worse)[:, UNRATED] < 0.9 * gains(data)[:, UNRATED]).all()
