"""What a blend makes of films that people know well, little or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from tests.training.models.conftest import UNRATED, taste_of_film
from training.models import configure
from training.models.arrays import with_ratings
from training.models.fits import Fits

LOVED, OTHER = 3, 4  # films of one taste
SMALL = ["als.factors=8", "als.regularization=1", "als.weight_slope=0", "content.factors=4"]


def arrays(data, *overrides):
    return Fits(data, 0, lambda what, share: None).get("blend", configure("blend", [*SMALL, *overrides])).arrays


def reception(data, *overrides):
    """(n,) what every film counts as a candidate."""
    return arrays(data, *overrides)["blend_reception"]


def content_share(data, *overrides):
    """(n,) what content counts on every film as a query; taste has the rest."""
    made = arrays(data, *overrides)
    np.testing.assert_allclose(made["blend_als_gain"] + made["blend_content_gain"], 1, rtol=1e-6)
    return made["blend_content_gain"]


def with_few(data, film, kept):
    """The world with `kept` ratings of `film`, 5 stars each."""
    stars = data.user_item.copy()
    own = np.flatnonzero(stars.indices == film)
    stars.data[own] = np.where(np.arange(len(own)) < kept, 5, 0)
    stars.eliminate_zeros()
    return replace(data, user_item=stars)


def seen_by_all(data, film):
    """The world in which everybody has rated `film`, with 4 stars."""
    stars = data.user_item.tolil()
    stars[:, film] = 4
    return replace(data, user_item=sp.csr_matrix(stars))


def test_the_better_loved_of_two_films_comes_nearer(data):
    stars = data.user_item
    worse = with_ratings(stars, np.where(stars.indices == OTHER, 1, stars.data))
    before, after = reception(data), reception(replace(data, user_item=worse))
    assert after[OTHER] / after[LOVED] < 0.9 * before[OTHER] / before[LOVED]


def test_one_rating_says_little_of_how_well_a_film_is_loved(data):
    seen_once = with_few(data, OTHER, 1)
    mean = seen_once.user_item.data.mean()
    stars = (5 / mean + 20) / 21  # beside 20 ratings at the mean
    assert reception(seen_once, "star_damping=20", "trust=3")[OTHER] == pytest.approx(stars * 1 / 4)


def test_content_speaks_where_few_ratings_do(data):
    worlds = (with_few(data, OTHER, 2), data)
    few, many = (content_share(world, "ubiquity=0")[OTHER] for world in worlds)
    assert few > 1.5 * many
    shares = content_share(data, "content_weight=0.2", "content_boost=4", "ubiquity=0")
    assert shares[UNRATED] == pytest.approx(1 / (1 + 1))  # 0.2 * (1 + 4) beside a taste of 1


def test_what_everybody_has_seen_tells_nobody_s_taste(data):
    assert content_share(seen_by_all(data, OTHER))[OTHER] == 1
    half = data.counts[OTHER] / data.user_item.shape[0]
    even = content_share(data, "ubiquity=2", "content_weight=0.2", "content_boost=0")[OTHER]
    assert even == pytest.approx(0.2 / (0.2 + (1 - half) ** 2))


def test_a_gain_makes_up_for_an_expectation_being_less_like_any_one_film(data):
    once, twice = (reception(data, f"newcomer_gain={gain}") for gain in (1, 2))
    np.testing.assert_allclose(twice, np.where(np.arange(len(once)) == UNRATED, 2, 1) * once)


def test_a_new_film_among_films_that_nobody_loves_is_not_expected_to_be_loved(data):
    stars = data.user_item
    alike = taste_of_film(stars.indices) == taste_of_film(UNRATED)
    worse = replace(data, user_item=with_ratings(stars, np.where(alike, 1, stars.data)))
    assert reception(worse)[UNRATED] < 0.9 * reception(data)[UNRATED]
