"""EASE: the closed form, and what the films' content adds to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.errors import DataError
from recommender.scoring.blocks import with_data
from recommender.scoring.scorers import user_scorer
from training.models import configure, make
from training.models.neighbours import ease as ease_module
from training.models.neighbours.ease import Ease, invert
from training.models.parameters import EaseConfig
from training.progress import silent

NUMBERS = {
    "regularization": 2.0,
    "user_exponent": 0.25,
    "item_exponent": 0.3,
    "content_weight": 0.5,
    "min_ratings": 0,
}


def fit(data, **numbers):
    """EASE with NUMBERS, some of them changed."""
    config = configure("ease", [f"{key}={value}" for key, value in (NUMBERS | numbers).items()])
    return make("ease", config).fit(data, seed=0, progress=lambda what, share: None)


def weights(data, **numbers):
    """The dense B that EASE fits."""
    return fit(data, **numbers).arrays["ease_dense"]


@pytest.mark.parametrize("exponent", [0.0, 0.4])
def test_features_count_as_people_who_rated_the_films_that_have_them(data, exponent):
    found = weights(data, content_exponent=exponent)
    seen, films = data.user_item.toarray() > 0, np.maximum(data.counts, 1)
    people = seen * (seen.sum(axis=1) ** -0.25)[:, None] * films**-0.3
    features = 0.5**0.5 * data.tags.matrix.toarray().T * films**exponent
    rows = np.vstack([people, features])
    for film in range(len(films)):  # each column is a ridge regression on all other films
        others = np.delete(np.arange(len(films)), film)
        known, wanted = rows[:, others], rows[:, film]
        solved = np.linalg.solve(known.T @ known + 2 * np.eye(len(others)), known.T @ wanted)
        scale = films**-0.3
        np.testing.assert_allclose(found[others, film], solved * scale[others] / scale[film], rtol=1e-3, atol=1e-5)
    assert (np.diag(found) == 0).all()


def test_a_film_without_ratings_follows_from_films_of_its_content_alone(data):
    new = int(np.flatnonzero(data.counts == 0)[0])
    assert (weights(data, content_weight=0)[:, new] == 0).all()
    lonely = replace(data, tags=replace(data.tags, matrix=sp.csr_matrix(_lonely(data.tags.matrix.toarray(), new))))
    assert (weights(lonely)[:, new] == 0).all()
    like = data.tags.matrix.toarray()[new] @ data.tags.matrix.toarray().T
    rated = data.counts > 0
    found = weights(data)[:, new]
    assert found[rated & (like == like[rated].max())].min() > found[rated & (like == 0)].max()


def _lonely(features, film):
    features = features.copy()
    features[film] = 0
    return features


@pytest.mark.parametrize("n", [1, 5, 255, 256, 257, 600])
def test_the_inverse_of_one_triangle_is_the_inverse(n):
    factors = np.random.default_rng(n).normal(size=(n, n))
    matrix = factors @ factors.T + n * np.eye(n)
    expected = np.linalg.inv(matrix)
    inverse = invert(matrix)
    np.testing.assert_allclose(inverse, expected, atol=1e-12)
    np.testing.assert_array_equal(inverse, inverse.T)


def test_a_matrix_without_an_inverse_says_what_to_do():
    with pytest.raises(DataError, match="raise `regularization`"):
        invert(np.zeros((3, 3)))


def test_films_of_too_few_ratings_are_left_out_and_score_nothing(data):
    least = int(np.median(data.counts[data.counts > 0])) + 1
    covered = np.flatnonzero(data.counts >= least)
    assert 0 < len(covered) < np.count_nonzero(data.counts)
    fitted = fit(data, min_ratings=least)
    np.testing.assert_array_equal(fitted.arrays["ease_rows"], covered)
    scores = user_scorer(fitted.user_spec, fitted.arrays).folded(data.user_item)
    others = np.delete(np.arange(len(data.counts)), covered)
    assert (scores[:, others] == 0).all()
    assert scores[:, covered].all()


def test_more_films_than_fit_get_sparse_weights_that_rank_like_the_exact_ones(data):
    """The exact B without content is the yardstick; here every film is among the predictors of every other."""
    config = EaseConfig(regularization=1.0)
    exact = Ease(config).fit(data, seed=0, progress=silent)
    sparse = Ease(config.model_copy(update={"max_films": 1})).fit(data, seed=0, progress=silent)
    expected, scores = (
        user_scorer(fitted.user_spec, fitted.arrays).folded(data.user_item) for fitted in (exact, sparse)
    )
    assert not any(name.startswith("ease_dense") for name in sparse.arrays)
    agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(expected, scores, strict=True)]
    assert np.mean(agreement) > 0.98


def test_sparse_weights_minimise_the_ridge_loss_of_each_film(data, monkeypatch):
    """By normal equations with dense algebra, for the three films most like each."""
    monkeypatch.setattr(ease_module, "PREDICTORS", 3)
    ones = with_data(data.user_item, np.ones(data.user_item.nnz))
    scale = np.maximum(data.counts, 1).astype(np.float32) ** np.float32(-0.3)
    weights = ease_module.sparse_weights(ones, scale, 2.0).toarray()
    matrix = ones.toarray() * scale
    for film in np.flatnonzero(data.counts):
        chosen = np.flatnonzero(weights[:, film])
        assert 0 < len(chosen) <= 3
        assert film not in chosen
        gram = matrix[:, chosen].T @ matrix[:, chosen] + 2.0 * np.eye(len(chosen))
        solved = np.linalg.solve(gram, matrix[:, chosen].T @ matrix[:, film])
        np.testing.assert_allclose(weights[chosen, film], solved * scale[chosen] / scale[film], rtol=1e-3, atol=1e-5)
