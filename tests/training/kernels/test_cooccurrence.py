"""Films by the people they share."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from training.kernels.cooccurrence import cooccurrence_top_k


def dense_likeness(weights, exponent, shrinkage):
    counts = weights.T @ weights
    own = np.diag(counts) ** exponent
    with np.errstate(divide="ignore", invalid="ignore"):
        likeness = counts / np.outer(own, own) * counts / (counts + shrinkage)
    np.fill_diagonal(likeness, 0)
    return np.nan_to_num(likeness)


@pytest.mark.parametrize(("exponent", "shrinkage"), [(0.5, 0.0), (0.5, 10.0), (1.0, 3.0)])
def test_likeness_is_that_of_the_plain_formula(exponent, shrinkage):
    rng = np.random.default_rng(0)
    weights = rng.random((40, 150)) * (rng.random((40, 150)) < 0.2)
    weights[:, 7] = 0  # a film that nobody rated
    found = cooccurrence_top_k(sp.csr_matrix(weights), 149, exponent=exponent, shrinkage=shrinkage).toarray()
    np.testing.assert_allclose(found, dense_likeness(weights, exponent, shrinkage), rtol=1e-4, atol=1e-6)


def test_the_best_k_of_each_film_are_kept():
    rng = np.random.default_rng(1)
    weights = (rng.random((60, 30)) < 0.3).astype(float)
    found = cooccurrence_top_k(sp.csr_matrix(weights), 5, exponent=0.5, shrinkage=0).toarray()
    full = dense_likeness(weights, 0.5, 0)
    assert (np.count_nonzero(found, axis=1) == 5).all()
    np.testing.assert_allclose(np.sort(found, axis=1)[:, -5:], np.sort(full, axis=1)[:, -5:], rtol=1e-4)
