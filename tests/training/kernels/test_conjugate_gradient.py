"""The compiled half-step of implicit's ALS."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu import _als

from training.kernels.conjugate_gradient import improve_rows
from training.kernels.threads import Scratch, thread_map


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 4, (300, 70)) * (rng.random((300, 70)) < rng.uniform(0.02, 0.9, (300, 1)))
    confidence[[3, -1]] = 0
    other = rng.normal(size=(70, 10)).astype(np.float32)
    start = rng.normal(size=(300, 10)).astype(np.float32)
    return sp.csr_matrix(confidence.astype(np.float32)), other, start


def improved(problem, steps, threads=2):
    confidence, other, start = problem
    factors = start.copy()
    with thread_map(threads) as run:
        improve_rows(confidence, other, factors, 0.7, steps, run, Scratch())
    return factors


@pytest.mark.parametrize("steps", [1, 3])
def test_it_goes_as_far_as_implicit_does(problem, steps):
    confidence, other, start = problem
    theirs = start.copy()
    _als.least_squares_cg(confidence, theirs, other, 0.7, 1, cg_steps=steps)
    np.testing.assert_allclose(improved(problem, steps), theirs, rtol=1e-3, atol=1e-5)


def test_enough_steps_solve_the_systems(problem):
    confidence, other, _ = problem
    found = improved(problem, steps=30)
    dense, o = confidence.toarray().astype(float), other.astype(float)
    for row in range(len(found)):
        system = (o.T * np.where(dense[row] > 0, dense[row], 1)) @ o + 0.7 * np.eye(10)
        np.testing.assert_allclose(found[row], np.linalg.solve(system, o.T @ dense[row]), rtol=1e-3, atol=1e-4)


def test_the_threads_do_not_change_the_result(problem):
    np.testing.assert_array_equal(improved(problem, 3, threads=1), improved(problem, 3, threads=4))
