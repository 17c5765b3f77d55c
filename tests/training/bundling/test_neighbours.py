"""The nearest films from one product of all parts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.scoring.scorers import item_scorer
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.bundling.neighbours import joined, nearest
from training.models.arrays import csr_arrays, unit_rows

N = 40
SECOND_ENTRY, FIRST_ENTRY = 7, 3
RNG = np.random.default_rng(0)
TASTE, CONTENT = (unit_rows(RNG.normal(size=(N, d)).astype(np.float32)) for d in (5, 8))
GAINS = dict(zip(("asked", "asked_too", "shown"), RNG.uniform(0.5, 1.5, (3, N)).astype(np.float32), strict=True))
LINKS = sp.csr_matrix(np.maximum(TASTE @ TASTE.T, 0))
ARRAYS = {"taste": TASTE, "content": CONTENT, **GAINS, **csr_arrays("links", LINKS)}
PARTS = [
    SimilarityPart(name="taste", weight=0.7, embedding="taste", query_gain="asked", candidate_gain="shown"),
    SimilarityPart(name="content", weight=0.3, embedding="content", query_gain="asked_too"),
]
CANONICAL = np.where(np.arange(N) == SECOND_ENTRY, FIRST_ENTRY, np.arange(N)).astype(np.int32)


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setattr("training.kernels.topk.BLOCK_CELLS", 7 * N)


@pytest.mark.parametrize(
    "parts", [PARTS, PARTS[:1], PARTS[1:], [PARTS[0], SimilarityPart(name="links", sparse="links")]]
)
def test_they_are_the_best_of_what_the_scorer_gives(parts):
    spec = SimilaritySpec(parts=parts)
    found = nearest(spec, ARRAYS, CANONICAL)
    full = item_scorer(spec, ARRAYS).similar(np.arange(N))
    full[:, SECOND_ENTRY] = -np.inf
    full[np.arange(N), CANONICAL] = -np.inf
    best = -np.sort(-full, axis=1)[:, : N - 1]
    np.testing.assert_allclose(found.scores, best, rtol=1e-5, atol=1e-6)
    lines, places = np.nonzero(found.rows >= 0)
    shown = found.rows[lines, places]
    np.testing.assert_allclose(found.scores[lines, places], full[lines, shown], rtol=1e-5, atol=1e-6)


def test_the_factors_of_the_product_stay_single_precision():
    assert {each.dtype for each in joined(SimilaritySpec(parts=PARTS), ARRAYS)} == {np.dtype(np.float32)}


def test_a_sparse_matrix_of_any_form_is_stored_by_row():
    for form in (sp.csc_matrix, sp.coo_matrix):
        for name, array in csr_arrays("links", form(LINKS)).items():
            np.testing.assert_array_equal(array, ARRAYS[name])
