"""Films that nobody has rated: what is expected of them, and whether they are found."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.scorers import Similarity, item_scorer
from tests.training.models.conftest import FILMS, UNRATED, taste_of_film
from training.models import configure
from training.models.arrays import unit_rows
from training.models.fits import Fits
from training.models.newcomers import with_newcomers

NEW = np.array([3, 40, 77])


@pytest.fixture(scope="module")
def planted():
    """Content that tells taste and the logarithm of the count exactly: (taste, counts, content) of 100 films."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(100, 6))
    taste = unit_rows(content @ rng.normal(size=(6, 4)))
    counts = np.rint(np.exp(3 + content[:, 0] / 3)).astype(np.int64)
    return taste, counts, content.astype(np.float32)


def test_a_new_film_has_the_taste_and_the_count_of_films_of_its_content(planted):
    taste, counts, content = planted
    known, seen = taste.copy(), counts.copy()
    known[NEW], seen[NEW] = 0, 0
    full, usual = with_newcomers(known, seen, content, 0.1)
    likeness = full @ taste.T
    assert (likeness[NEW, NEW] > 0.9).all()
    np.testing.assert_allclose(usual[NEW], counts[NEW], rtol=0.15)
    rated = np.setdiff1d(np.arange(100), NEW)
    np.testing.assert_array_equal(full[rated], known[rated])
    np.testing.assert_array_equal(usual[rated], seen[rated])


def test_nothing_is_expected_where_every_film_is_rated(planted):
    taste, counts, content = planted
    full, usual = with_newcomers(taste, counts, content, 0.1)
    np.testing.assert_array_equal(full, taste)
    np.testing.assert_array_equal(usual, counts)


def test_a_blend_leads_to_a_new_film_from_films_of_its_taste_alone(data):
    small = configure("blend", ["als.factors=8", "als.regularization=1", "content.factors=4"])
    fitted = Fits(data, 0, lambda what, share: None).get("blend", small)
    scorer = item_scorer(fitted.item_spec, fitted.arrays)
    assert isinstance(scorer, Similarity)
    own = taste_of_film(range(FILMS)) == taste_of_film(UNRATED)
    taste = [float(scorer.contributions(row, np.array([UNRATED]))["als"][0]) for row in range(UNRATED - 1)]
    mine, other = (
        [value for value, same in zip(taste, own, strict=False) if same == wanted] for wanted in (True, False)
    )
    assert min(mine) > max(0.05, *other)
