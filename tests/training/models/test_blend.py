"""What a blend makes of candidates that are equally like a film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.scorers import item_scorer
from training.models import configure
from training.models.arrays import with_ratings
from training.models.fits import Fits

QUERY, LOVED, OTHER = 0, 3, 4  # films of one taste
SMALL = ["als.factors=8", "als.regularization=1", "als.weight_slope=0", "content.factors=4"]


def likeness(data, *overrides):
    """(n,) likeness of every film to the query, by a blend in which ALS does not see stars."""
    fitted = Fits(data, 0, lambda what, share: None).get("blend", configure("blend", [*SMALL, *overrides]))
    return item_scorer(fitted.item_spec, fitted.arrays).similar(np.array([QUERY]))[0]


def test_the_better_loved_of_two_films_comes_nearer(data):
    stars = data.user_item
    worse = with_ratings(stars, np.where(stars.indices == OTHER, 1, stars.data))
    before, after = likeness(data), likeness(replace(data, user_item=worse))
    assert after[OTHER] / after[LOVED] < 0.9 * before[OTHER] / before[LOVED]


def test_the_more_rated_of_two_films_is_discounted(data):
    stars = data.user_item
    few = stars.data * ((stars.indices != OTHER) | (np.arange(stars.nnz) % 4 == 0))
    fewer = with_ratings(stars.copy(), few)
    fewer.eliminate_zeros()
    thinned = replace(data, user_item=fewer)
    assert 8 <= thinned.counts[OTHER] < thinned.counts[LOVED] / 2
    plain, discounted = (likeness(thinned, f"popularity_discount={exponent}") for exponent in (0, 0.5))
    assert discounted[OTHER] / discounted[LOVED] > 1.1 * plain[OTHER] / plain[LOVED]
