"""EASE: the closed form, and what the films' content adds to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from training.models import configure, make

NUMBERS = {"regularization": 2.0, "user_exponent": 0.25, "item_exponent": 0.3, "content_weight": 0.5}


def weights(data, **numbers):
    """The dense B that EASE fits."""
    config = configure("ease", [f"{key}={value}" for key, value in (NUMBERS | numbers).items()])
    return make("ease", config).fit(data, seed=0, progress=lambda what, share: None).arrays["ease_dense"]


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
