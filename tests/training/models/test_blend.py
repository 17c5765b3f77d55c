"""How the blend makes its parts comparable."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.specs import SimilarityPart
from training.models.arrays import csr_arrays, unit_rows
from training.models.blend import row_scale

N = 40
RNG = np.random.default_rng(0)
LINKS = sp.csr_matrix(RNG.random((N, N)) * (RNG.random((N, N)) < 0.35) * (1 - np.eye(N)))
EMBEDDING = unit_rows(np.abs(RNG.normal(size=(N, 5))).astype(np.float32))
ARRAYS = {
    **csr_arrays("links", LINKS),
    "embedding": EMBEDDING,
    "blend_candidate_gain": RNG.uniform(0.5, 1.5, N).astype(np.float32),
}


@pytest.mark.parametrize(
    ("part", "likeness"),
    [
        (SimilarityPart(name="links", sparse="links", candidate_gain="blend_candidate_gain"), LINKS.toarray()),
        (
            SimilarityPart(name="taste", embedding="embedding", candidate_gain="blend_candidate_gain"),
            EMBEDDING @ EMBEDDING.T,
        ),
    ],
    ids=["sparse", "embedding"],
)
def test_a_row_is_scaled_by_its_tenth_best_other_film_or_not_at_all(part, likeness):
    scores = likeness * ARRAYS["blend_candidate_gain"]
    np.fill_diagonal(scores, -np.inf)
    tenth = np.sort(scores, axis=1)[:, -10]
    assert part.name == "taste" or (tenth == 0).any(), "a film with fewer than ten links is among them"
    np.testing.assert_allclose(row_scale(part, ARRAYS), np.where(tenth > 0, tenth, 1), rtol=1e-5)
