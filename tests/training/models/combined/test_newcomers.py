"""Films that nobody has rated: what is expected of them, and whether they are found."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.scoring.scorers import Similarity, item_scorer
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from tests.training.conftest import FILMS, UNRATED, taste_of_film
from training.models import configure
from training.models.arrays import unit_rows
from training.models.combined.blend import PLACES, Reception, fair_gain, with_newcomers
from training.models.fits import Fits

NEW = np.array([3, 40, 77])


@pytest.fixture(scope="module")
def planted():
    """What ratings tell of 100 films, and content that tells taste, stars and the logarithm of the count exactly."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(100, 6))
    taste = unit_rows(content @ rng.normal(size=(6, 4)))
    counts = np.rint(np.exp(3 + content[:, 0] / 3))
    return Reception(taste, counts, 1 + content[:, 1] / 10), content.astype(np.float32)


def test_a_new_film_is_expected_to_be_received_as_films_of_its_content(planted):
    truth, content = planted
    known = Reception(truth.taste.copy(), truth.counts.copy(), truth.stars.copy())
    known.taste[NEW], known.counts[NEW], known.stars[NEW] = 0, 0, 0
    usual = with_newcomers(known, content, 0.1, known.counts == 0)
    likeness = usual.taste @ truth.taste.T
    assert (likeness[NEW, NEW] > 0.9).all()
    np.testing.assert_allclose(usual.counts[NEW], truth.counts[NEW], rtol=0.15)
    np.testing.assert_allclose(usual.stars[NEW], truth.stars[NEW], rtol=0.01)
    rated = np.setdiff1d(np.arange(100), NEW)
    for told in Reception._fields:
        np.testing.assert_array_equal(getattr(usual, told)[rated], getattr(known, told)[rated])


def test_of_films_that_nobody_rated_in_all_the_time_only_so_many_ratings_are_expected_as_come_in_as_much_time_again():
    rng = np.random.default_rng(1)
    content = rng.normal(size=(4000, 3)).astype(np.float32)
    rates = rng.gamma(
        0.4, 5 * np.exp(content[:, 0] / 2) / 0.4
    )  # few films are loved, and content tells little of which
    counts, again = rng.poisson(rates).astype(float), rng.poisson(rates)
    taste = unit_rows(rng.normal(size=(4000, 2)) + 3)
    unrated, reception = counts == 0, Reception(taste, counts, np.ones(4000))
    assert again[unrated].mean() < again.mean() / 3
    old = with_newcomers(reception, content, 0.1, np.zeros(4000, dtype=bool))
    new = with_newcomers(reception, content, 0.1, unrated)
    assert old.counts[unrated].mean() == pytest.approx(again[unrated].mean(), rel=0.25)
    assert new.counts[unrated].mean() > 3 * old.counts[unrated].mean()


def test_nothing_is_expected_where_every_film_is_rated(planted):
    truth, content = planted
    for mine, theirs in zip(with_newcomers(truth, content, 0.1, truth.counts == 0), truth, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_no_better_and_no_worse_stars_are_expected_than_some_film_has(planted):
    truth, content = planted
    known = Reception(truth.taste, truth.counts.copy(), truth.stars)
    known.counts[NEW] = 0
    far = content.copy()
    far[NEW, 1] = [-50, 0, 50]
    stars, rated = with_newcomers(known, far, 0.1, known.counts == 0).stars, np.setdiff1d(np.arange(100), NEW)
    assert (stars[NEW[0]], stars[NEW[2]]) == (truth.stars[rated].min(), truth.stars[rated].max())


def test_nothing_is_expected_where_no_film_is_rated(planted):
    truth, content = planted
    unknown = Reception(np.zeros_like(truth.taste), np.zeros(100), np.ones(100))
    for mine, theirs in zip(with_newcomers(unknown, content, 0.1, unknown.counts == 0), unknown, strict=True):
        np.testing.assert_array_equal(mine, theirs)


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


def test_the_gain_of_new_films_gives_them_their_share_of_the_places_in_lists(planted):
    truth, _ = planted
    is_new = np.arange(100) % 4 == 0
    received = np.where(is_new, 0.1, 1.0).astype(np.float32)  # without a gain no new film is in a list
    part = SimilarityPart(name="taste", embedding="taste", candidate_gain="received")
    spec = SimilaritySpec(parts=[part], like=4.0)

    def share(gain):
        arrays = {"taste": truth.taste, "received": np.where(is_new, received * np.float32(gain), received)}
        scores = item_scorer(spec, arrays).similar(np.flatnonzero(~is_new))
        scores[np.arange(len(scores)), np.flatnonzero(~is_new)] = -np.inf
        best = np.argsort(-scores, axis=1)[:, :PLACES]
        return np.average(is_new[best].mean(axis=1), weights=truth.counts[~is_new])

    arrays = {"taste": truth.taste, "received": received}
    gains = [fair_gain(spec, arrays, truth.counts, is_new, share_of_places) for share_of_places in (0.1, 0.3)]
    assert [share(gain) for gain in gains] == pytest.approx([0.1, 0.3], abs=0.03)


def test_new_films_have_no_gain_where_no_film_is_asked_for(planted):
    truth, _ = planted
    spec = SimilaritySpec(parts=[SimilarityPart(name="taste", embedding="taste")], like=4.0)
    assert fair_gain(spec, {"taste": truth.taste}, np.zeros(100), np.arange(100) < 5, 0.1) == 1
