"""The exact half-step of weighted alternating least squares."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from training.kernels.least_squares import solve_rows
from training.kernels.threads import thread_map


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 2, (150, 40)) * (rng.random((150, 40)) < 0.2)
    confidence[3] = 0
    other = rng.normal(size=(40, 6)).astype(np.float32)
    ridge = rng.uniform(0.1, 1, 150).astype(np.float32)
    return sp.csr_matrix(confidence.astype(np.float32)), other, ridge


@pytest.mark.parametrize("unobserved", [0.1, 1.0])
def test_each_row_solves_its_normal_equations(problem, unobserved):
    confidence, other, ridge = problem
    with thread_map() as run:
        found = solve_rows(confidence, other, ridge, unobserved, run)
    dense, o = confidence.toarray().astype(float), other.astype(float)
    for row in range(len(found)):
        weights = np.where(dense[row] > 0, dense[row], unobserved)
        system = (o.T * weights) @ o + ridge[row] * np.eye(6)
        np.testing.assert_allclose(found[row], np.linalg.solve(system, o.T @ dense[row]), rtol=1e-3, atol=1e-5)


def test_the_threads_do_not_change_the_result(problem):
    confidence, other, ridge = problem
    results = []
    for threads in (1, 4):
        with thread_map(threads) as run:
            results.append(solve_rows(confidence, other, ridge, 0.1, run))
    np.testing.assert_array_equal(results[0], results[1])
