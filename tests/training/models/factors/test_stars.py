"""Predicted stars and their intervals, in a world of which the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.errors import UsageError
from recommender.scoring.foldin import GaussianSystem
from recommender.scoring.intervals import LEVEL, bounds
from recommender.scoring.scorers import Factors
from tests.training.small import EVENTS
from training.models import configure, make
from training.models.base import TrainingData
from training.models.factors.svd import Svd
from training.models.parameters import SvdConfig
from training.progress import silent

USERS, FILMS, TASTES = 1000, 120, 2
NOISY = FILMS // 2  # films from here on are rated with twice the noise


@pytest.fixture(scope="module")
def world(data):
    """Ratings that follow tastes, chosen by taste; a tenth is for the test: (training data, users, films, stars)."""
    rng = np.random.default_rng(1)
    tastes, films = rng.normal(size=(USERS, TASTES)), rng.normal(size=(FILMS, TASTES))
    liking = tastes @ films.T
    noise = rng.normal(size=liking.shape) * np.where(np.arange(FILMS) < NOISY, 0.3, 0.9)
    stars = np.clip(np.round(2 * (3.2 + 0.6 * liking + noise)) / 2, 0.5, 5).astype(np.float32)
    is_rated = rng.random(liking.shape) < rng.uniform(0.1, 0.5, (USERS, 1)) / (1 + np.exp(-liking))
    is_test = is_rated & (rng.random(liking.shape) < 0.1)
    ratings = sp.csr_matrix(np.where(is_rated & ~is_test, stars, 0))
    no_tags = np.zeros((FILMS, data.tags.matrix.shape[1]), dtype=np.float32)
    tags = replace(data.tags, matrix=sp.csr_matrix(no_tags))
    users, rows = np.nonzero(is_test)
    return TrainingData(ratings, tags, np.arange(FILMS, dtype=np.int32)), users, rows, stars[is_test]


@pytest.fixture(scope="module")
def fitted(world):
    return make("stars").fit(world[0], seed=0, progress=silent)


def predictions(model, world):
    data, users, films, _ = world
    scores = Factors(model.rating_spec, model.arrays).known(np.arange(USERS), data.stars)
    return np.clip(scores[users, films], 0.5, 5).astype(np.float64)


def test_who_rated_what_makes_predictions_better_than_those_of_svd(fitted, world):
    svd = Svd(SvdConfig(factors=8, iterations=60, regularization=0.05)).fit(world[0], seed=0, progress=silent)
    errors = [np.sqrt(np.mean((predictions(model, world) - world[3]) ** 2)) for model in (fitted, svd)]
    assert errors[0] < 0.95 * errors[1]


def test_four_of_five_ratings_lie_within_their_interval_which_is_wider_where_a_film_divides(fitted, world):
    data, users, films, stars = world
    predicted, spec = predictions(fitted, world), fitted.rating_spec.interval
    low, high = np.stack(
        [
            bounds(spec, fitted.arrays, data.stars[user].data, np.array([film]), np.array([value]))[:, 0]
            for user, film, value in zip(users, films, predicted, strict=True)
        ],
        axis=1,
    )
    is_inside = (low <= stars) & (stars <= high)
    assert np.mean(is_inside) == pytest.approx(LEVEL, abs=0.05)
    for group in (films < NOISY, films >= NOISY):
        assert np.mean(is_inside[group]) == pytest.approx(LEVEL, abs=0.1)
    assert np.mean((high - low)[films >= NOISY]) > 1.3 * np.mean((high - low)[films < NOISY])


def test_new_people_are_known_by_what_they_chose_beside_what_they_thought_of_it(fitted, world):
    """The shares of the right side add up to the solution that a direct computation of the posterior gives."""
    data, spec, arrays = world[0], fitted.rating_spec, fitted.arrays
    scorer = Factors(spec, arrays)
    assert isinstance(scorer.fold_in, GaussianSystem)
    rated, stars = data.stars[0].indices, data.stars[0].data.astype(np.float64)
    design = np.column_stack([np.ones(len(rated)), arrays["stars_item_factors"][rated]]).astype(np.float64)
    intercept, slope, variance = arrays["stars_prior"].astype(np.float64)
    implied = arrays["stars_item_implied"][rated].sum(axis=0) / np.sqrt(len(rated) + spec.fold_in.damping)
    prior = intercept + slope * np.log1p(len(rated)) + implied
    uncertain = np.append(0, arrays["stars_item_variances"][rated].sum(axis=0))
    precision = (design.T @ design + np.diag(uncertain)) / spec.fold_in.noise + np.diag(1 / variance)
    right_side = design.T @ (stars - scorer.baseline[rated]) / spec.fold_in.noise + prior / variance
    np.testing.assert_allclose(scorer.fold_in.solve(rated, stars), np.linalg.solve(precision, right_side), rtol=1e-4)
    others = rated[::2], stars[::2]
    assert np.abs(scorer.fold_in.solve(*others) - scorer.fold_in.solve(rated, stars)).max() > 0.01


def test_the_same_ratings_give_the_same_model_whatever_the_seed(world, fitted):
    again = make("stars").fit(world[0], seed=5, progress=silent)
    for name, array in fitted.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])


def test_without_enough_ratings_there_are_predictions_and_no_intervals(world):
    data = world[0]
    few = data.user_item.copy()
    few.data[40:] = 0
    few.eliminate_zeros()
    model = make("stars", configure("stars", ["factors=3"])).fit(replace(data, user_item=few), seed=0, progress=silent)
    assert model.rating_spec is not None
    assert model.rating_spec.interval is None
    none = sp.csr_matrix(few.shape, dtype=np.float32)
    model = make("stars").fit(replace(data, user_item=none), seed=0, progress=silent)
    assert model.rating_spec is not None
    assert np.isfinite(Factors(model.rating_spec, model.arrays).folded(few)).all()


def test_events_have_no_stars_to_predict(world):
    events = replace(world[0], feedback=EVENTS)
    with pytest.raises(UsageError, match="events alone"):
        make("stars").fit(events, seed=0, progress=silent)
