"""Exact best k of blocks of scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.kernels.topk import all_top_k, top_k


def by_sorting(scores, k):
    """The plain answer: sort by falling score, then rising column."""
    columns, values = np.full((len(scores), k), -1), np.full((len(scores), k), -np.inf, dtype=np.float32)
    for line, row in enumerate(scores):
        order = np.lexsort((np.arange(len(row)), -row))
        best = order[row[order] > -np.inf][:k]
        columns[line, : len(best)], values[line, : len(best)] = best, row[best]
    return columns, values


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 40) | st.integers(500, 900),
    k=st.integers(1, 45),
    levels=st.sampled_from([2, 5, 1000]),
)
def test_the_best_k_with_ties_by_column(seed, n, k, levels):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (3, n)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    for found, expected in zip(top_k(scores, k), by_sorting(scores, k), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_all_rows_by_blocks(monkeypatch, threads):
    monkeypatch.setattr("training.kernels.topk.BLOCK_CELLS", 500)  # several blocks
    embedding = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
    columns, values = all_top_k(lambda rows: embedding[rows] @ embedding.T, 70, 10, threads)
    expected_columns, expected = by_sorting(embedding @ embedding.T, 10)
    np.testing.assert_array_equal(columns, expected_columns)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
