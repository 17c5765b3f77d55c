"""ALS against implicit called bare: the order in which it sees people and films, and its compiled half-steps."""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from recommender.scoring.blocks import with_data
from training.kernels.conjugate_gradient import improve_rows
from training.models.factors import als
from training.models.factors.als import Als
from training.models.parameters import AlsConfig


def test_the_factors_are_those_of_implicit_called_bare(data):
    config = AlsConfig(factors=4, iterations=15, regularization=0.5)
    weights = with_data(data.user_item, config.weight(data.user_item.data))
    users, items, losses = Als(config).factorise(weights, seed=3)
    with threadpool_limits(1, "blas"):
        bare = AlternatingLeastSquares(factors=4, iterations=15, regularization=0.5, alpha=config.alpha, random_state=3)
        bare.fit(weights, show_progress=False)
    seen = np.bincount(data.user_item.indices, minlength=len(items)) > 0
    np.testing.assert_allclose(items[seen], bare.item_factors[seen], rtol=1e-3, atol=1e-4)
    assert not items[~seen].any()
    folded = np.stack([bare.recalculate_user(0, weights[person]) for person in range(len(users))])
    np.testing.assert_allclose(users, folded, rtol=1e-2, atol=1e-3)
    assert losses["train_loss"][-1] < losses["train_loss"][0]


def test_every_half_step_is_the_compiled_one(data, monkeypatch):
    moved = []

    def counted(confidence, other, factors, *rest):
        moved.append(factors.shape)
        improve_rows(confidence, other, factors, *rest)

    monkeypatch.setattr(als, "improve_rows", counted)
    Als(AlsConfig(factors=4, iterations=3)).factorise(data.user_item, seed=0)
    people, films = data.user_item.shape
    assert moved == [(people, 4), (films, 4)] * 3
