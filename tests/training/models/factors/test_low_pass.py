"""The low-pass model against dense algebra, and what it does with items that hardly anybody rated."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.scoring.scorers import item_scorer, user_scorer
from training.datasets.dataset import TagMatrix
from training.kernels.subspace import right_singular_vectors
from training.models.base import TrainingData
from training.models.factors.low_pass import LowPass
from training.models.parameters import LowPassConfig
from training.progress import silent


def of_pairs(pairs, users, items):
    rows, columns = np.array(pairs).T
    stars = np.zeros((users, items), dtype=np.float32)
    stars[rows, columns] = 5
    matrix = sp.csr_matrix(stars)
    tags = TagMatrix(sp.csr_matrix(np.zeros((items, 0), dtype=np.float32)), [], {})
    return TrainingData(matrix, tags, np.arange(items, dtype=np.int32))


@pytest.fixture
def random_data():
    rng = np.random.default_rng(3)
    pairs = np.argwhere(rng.random((40, 25)) < 0.2)
    return of_pairs(pairs, 40, 25)


def test_scores_are_those_of_the_formula(random_data):
    config = LowPassConfig(factor_share=0.3, iterations=30, damping=1.5, item_exponent=0.4, filter_exponent=0.7)
    fitted = LowPass(config).fit(random_data, seed=0, progress=silent)
    scores = user_scorer(fitted.user_spec, fitted.arrays).folded(random_data.user_item)

    ones = (random_data.user_item.toarray() > 0).astype(float)
    users, items = (ones.sum(axis) + 1.5 * ones.sum() / np.count_nonzero(ones.sum(axis)) for axis in (1, 0))
    _, values, vectors = np.linalg.svd(ones / np.sqrt(users[:, None] * items))
    k = fitted.parameters["factors"]
    strength = (values[:k] / values[0]) ** 0.7
    expected = (ones * items**-0.4) @ (vectors[:k].T * strength) @ vectors[:k] * items**0.4
    np.testing.assert_allclose(scores, expected, atol=1e-3 * np.abs(expected).max())

    alone = item_scorer(fitted.item_spec, fitted.arrays).similar(np.array([4]))
    somebody = user_scorer(fitted.user_spec, fitted.arrays).folded(of_pairs([(0, 4)], 1, 25).user_item)
    np.testing.assert_allclose(alone, somebody, rtol=1e-5)


def test_items_of_one_lonely_user_do_not_take_the_factors():
    """Fifty users with an item of their own each are fifty singular values of 1 where degrees are not damped."""
    tastes = [(user, 2 * item + user % 2) for user in range(40) for item in range(10) if (user + item) % 3]
    lonely = [(40 + user, 20 + user) for user in range(50)]
    data = of_pairs(tastes + lonely, 90, 70)

    def own_taste(damping):
        config = LowPassConfig(factor_share=0.04, damping=damping)
        fitted = LowPass(config).fit(data, seed=0, progress=silent)
        scores = user_scorer(fitted.user_spec, fitted.arrays).folded(data.user_item[:40])
        unseen = np.where(data.user_item[:40].toarray() > 0, -np.inf, scores)
        return np.mean([best < 20 and best % 2 == user % 2 for user, best in enumerate(unseen.argmax(axis=1))])

    assert own_taste(2.0) == 1.0
    assert own_taste(0.0) < 0.9


def test_factors_grow_with_the_catalogue_up_to_a_limit():
    config = LowPassConfig()
    assert config.factors_for(943, 1682) == 42
    assert config.factors_for(30_000, 41_000) == 600
    assert config.factors_for(5, 2) == 1


@pytest.mark.parametrize("shape", [(60, 30), (30, 60)])
def test_singular_values_are_those_of_dense_algebra(shape):
    rng = np.random.default_rng(1)
    matrix = sp.csr_matrix((rng.random(shape) * (rng.random(shape) < 0.2)).astype(np.float32))
    values, vectors = right_singular_vectors(matrix, 5, 40, silent)
    np.testing.assert_allclose(values, np.linalg.svd(matrix.toarray(), compute_uv=False)[:5], rtol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-4)


def test_factors_beyond_the_rank_of_the_data_add_nothing():
    """Two groups that share nothing: rank two, whatever the number of factors."""
    pairs = [(user, item) for user in range(20) for item in range(10) if user % 2 == item % 2]
    data = of_pairs(pairs, 20, 10)
    config = LowPassConfig(factor_share=1.0, filter_exponent=0.0)
    fitted = LowPass(config).fit(data, seed=0, progress=silent)
    scores = user_scorer(fitted.user_spec, fitted.arrays).folded(data.user_item)
    same = np.add.outer(np.arange(20), np.arange(10)) % 2 == 0
    np.testing.assert_allclose(scores[same], scores[0, 0], rtol=1e-3)
    np.testing.assert_allclose(scores[~same], 0, atol=1e-3 * scores[0, 0])
