"""Parts of a likeness made comparable."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recommender.scorers import item_scorer
from recommender.specs import SimilarityPart, SimilaritySpec
from training.models.arrays import csr_arrays, unit_rows
from training.models.scaling import scale_rows

N = 40
SECOND_ENTRY, FIRST_ENTRY = 7, 3
RNG = np.random.default_rng(0)
LINKS = sp.csr_matrix(RNG.random((N, N)) * (RNG.random((N, N)) < 0.35) * (1 - np.eye(N)))
EMBEDDING = unit_rows(np.abs(RNG.normal(size=(N, 5))).astype(np.float32))
EMBEDDING[0] = 0
GAIN, OTHER_GAIN = RNG.uniform(0.5, 1.5, (2, N)).astype(np.float32)
PARTS = [
    SimilarityPart(name="links", weight=0.3, sparse="links", query_gain="links_gain", candidate_gain="gain"),
    SimilarityPart(name="taste", weight=0.7, embedding="taste", query_gain="taste_gain", candidate_gain="gain"),
]
CANONICAL = np.where(np.arange(N) == SECOND_ENTRY, FIRST_ENTRY, np.arange(N)).astype(np.int32)


def arrays():
    names = {"taste": EMBEDDING, "gain": GAIN, "taste_gain": OTHER_GAIN.copy(), "links_gain": OTHER_GAIN.copy()}
    return csr_arrays("links", LINKS) | names


def test_a_row_is_scaled_by_its_tenth_best_other_film_or_not_at_all():
    made = arrays()
    scale_rows(PARTS, made, CANONICAL)
    for name, likeness in (("links", LINKS.toarray()), ("taste", EMBEDDING @ EMBEDDING.T)):
        scores = likeness * GAIN
        np.fill_diagonal(scores, -np.inf)
        tenth = np.sort(scores, axis=1)[:, -10]
        assert (tenth <= 0).any(), "a film with fewer than ten likenesses is among them"
        np.testing.assert_allclose(made[f"{name}_gain"], OTHER_GAIN / np.where(tenth > 0, tenth, 1), rtol=1e-5)


def test_the_nearest_films_are_those_of_the_scaled_parts():
    made = arrays()
    found = scale_rows(PARTS, made, CANONICAL)
    full = item_scorer(SimilaritySpec(parts=PARTS), made).similar(np.arange(N))
    full[:, SECOND_ENTRY] = -np.inf
    full[np.arange(N), CANONICAL] = -np.inf
    best = -np.sort(-full, axis=1)[:, : N - 1]
    np.testing.assert_allclose(found.scores, best, rtol=1e-5)
    shown = found.rows[found.rows >= 0]
    np.testing.assert_allclose(found.scores[found.rows >= 0], full[np.nonzero(found.rows >= 0)[0], shown], rtol=1e-5)
