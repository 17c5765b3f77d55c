from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import minimize

from recommender.scoring.blocks import z_scores
from recommender.scoring.foldin import AlsSystem, SvdSystem
from recommender.scoring.scorers import Similarity, item_scorer, user_scorer
from recommender.scoring.specs import (
    AlsFoldIn,
    EnsembleMember,
    EnsembleSpec,
    FactorSpec,
    ItemWeightsSpec,
    PopularitySpec,
    SimilarityPart,
    SimilaritySpec,
    SvdFoldIn,
)

RNG = np.random.default_rng(7)
N, D = 6, 3
STARS = sp.csr_matrix(np.array([[5, 0, 4, 0, 0, 1], [0, 3, 0, 0, 5, 0]], dtype=np.float32))
EMBEDDING = np.eye(N, D, dtype=np.float32) + 0.1
LINKS = sp.csr_matrix(np.round(RNG.random((N, N)), 1).astype(np.float32))
ARRAYS: dict[str, NDArray[Any]] = {
    "embedding": EMBEDDING,
    "links_indptr": LINKS.indptr,
    "links_indices": LINKS.indices,
    "links_data": LINKS.data,
    "query_gain": np.linspace(0.1, 1, N, dtype=np.float32),
    "candidate_gain": np.linspace(1, 2, N, dtype=np.float32),
    "users": RNG.normal(size=(2, D)).astype(np.float32),
    "items": RNG.normal(size=(N, D)).astype(np.float32),
    "user_bias": np.array([0.1, -0.2], dtype=np.float32),
    "item_bias": np.linspace(-0.5, 0.5, N, dtype=np.float32),
    "popular": np.arange(N, dtype=np.float32),
    "weights": LINKS.toarray(),
    "capped": LINKS.toarray()[:3, :3],
    "capped_rows": np.array([0, 2, 4], dtype=np.int32),
}
PARTS = [
    SimilarityPart(
        name="cosine", weight=2.0, embedding="embedding", query_gain="query_gain", candidate_gain="candidate_gain"
    ),
    SimilarityPart(name="links", weight=0.5, sparse="links"),
]


def test_similarity_is_the_weighted_sum_of_its_parts() -> None:
    scores = item_scorer(SimilaritySpec(parts=PARTS), ARRAYS).similar(np.array([1, 4]))
    for block_row, i in enumerate([1, 4]):
        for j in range(N):
            gains = ARRAYS["query_gain"][i] * ARRAYS["candidate_gain"][j]
            expected = 2.0 * gains * (EMBEDDING[i] @ EMBEDDING[j]) + 0.5 * LINKS[i, j]
            assert scores[block_row, j] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("source", [{}, {"embedding": "a", "sparse": "b"}, {"sparse": "b", "query_gain": "c"}])
def test_a_similarity_part_without_one_clear_source_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="part odd: expected"):
        SimilarityPart(name="odd", **source)


def test_contributions_add_up_to_the_score() -> None:
    scorer = Similarity(SimilaritySpec(parts=PARTS), ARRAYS)
    candidates = np.array([0, 3, 5])
    by_part = scorer.contributions(2, candidates)
    assert set(by_part) == {"cosine", "links"}
    np.testing.assert_allclose(sum(by_part.values()), scorer.similar(np.array([2]))[0, candidates], rtol=1e-5)


def test_a_person_is_the_sum_over_their_likes() -> None:
    scorer = Similarity(SimilaritySpec(parts=PARTS, profile_weight="likes"), ARRAYS)
    expected = scorer.similar(np.array([0]))[0] + scorer.similar(np.array([2]))[0]
    np.testing.assert_allclose(scorer.folded(STARS)[0], expected, rtol=1e-5)


def test_factor_scores_add_mean_biases_and_product() -> None:
    spec = FactorSpec(
        user_factors="users",
        item_factors="items",
        user_bias="user_bias",
        item_bias="item_bias",
        global_mean=3.5,
        fold_in=SvdFoldIn(regularization=0.1),
    )
    scores = user_scorer(spec, ARRAYS).known(np.array([1]), STARS[[1]])
    expected = 3.5 - 0.2 + ARRAYS["item_bias"] + ARRAYS["items"] @ ARRAYS["users"][1]
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)


@pytest.mark.parametrize("spec", [ItemWeightsSpec(dense="weights"), ItemWeightsSpec(sparse="links")])
def test_item_weights_multiply_the_binary_history(spec: ItemWeightsSpec) -> None:
    expected = (STARS.toarray() > 0).astype(np.float32) @ ARRAYS["weights"]
    np.testing.assert_allclose(user_scorer(spec, ARRAYS).folded(STARS), expected, rtol=1e-5)


def test_capped_item_weights_ignore_the_films_outside() -> None:
    scores = user_scorer(ItemWeightsSpec(dense="capped", rows="capped_rows"), ARRAYS).folded(STARS)
    assert scores[:, [1, 3, 5]].max() == 0
    np.testing.assert_allclose(scores[0, [0, 2, 4]], ARRAYS["capped"][0] + ARRAYS["capped"][1], rtol=1e-5)


def test_ensemble_statistics_leave_the_history_out() -> None:
    block = np.array([[100.0, 1.0, 100.0, 2.0, 3.0, 100.0]], dtype=np.float32)
    scores = z_scores(block, STARS[[0]])
    np.testing.assert_allclose(scores[0, [1, 3, 4]], (np.array([1, 2, 3]) - 2) / np.std([1, 2, 3]), rtol=1e-5)


def test_ensemble_sums_weighted_z_scores_for_known_and_new_people_alike() -> None:
    members = [
        EnsembleMember(name="popularity", weight=0.7, spec=PopularitySpec(scores="popular")),
        EnsembleMember(name="knn", weight=0.3, spec=ItemWeightsSpec(sparse="links")),
    ]
    scorer = user_scorer(EnsembleSpec(members=members), ARRAYS)
    expected = 0.7 * z_scores(np.tile(ARRAYS["popular"], (2, 1)), STARS)
    expected += 0.3 * z_scores(user_scorer(members[1].spec, ARRAYS).folded(STARS), STARS)
    np.testing.assert_allclose(scorer.folded(STARS), expected, rtol=1e-4)
    np.testing.assert_allclose(scorer.known(np.array([0, 1]), STARS), expected, rtol=1e-4)


def test_als_fold_in_minimises_the_published_objective() -> None:
    items = ARRAYS["items"]
    spec = AlsFoldIn(
        gram="gram",
        regularization=0.3,
        alpha=2.0,
        weight_offset=0.5,
        weight_slope=0.15,
        unobserved_weight=0.4,
        regularization_exponent=0.5,
    )
    rows, stars = np.array([0, 2, 5]), np.array([5.0, 4.0, 1.0])

    def loss(x: np.ndarray) -> float:
        confidence = np.full(N, 0.4)
        confidence[rows] = 2.0 * (0.5 + 0.15 * stars)
        target = np.zeros(N)
        target[rows] = 1.0
        ridge = 0.3 * (len(rows) + 0.4 * N) ** 0.5
        return float(confidence @ (target - items @ x) ** 2 + ridge * x @ x)

    factors = AlsSystem(spec, items, items.T.astype(np.float64) @ items).solve(rows, stars)
    np.testing.assert_allclose(factors, minimize(loss, np.zeros(D), tol=1e-12).x, atol=1e-5)


def test_svd_fold_in_minimises_surprise_s_objective() -> None:
    items, baseline = ARRAYS["items"], ARRAYS["item_bias"] + np.float32(3.5)
    rows, residual = np.array([1, 4]), np.array([0.7, -1.1])

    def loss(x: np.ndarray) -> float:
        error = residual - x[0] - items[rows] @ x[1:]
        return float(error @ error + len(rows) * 0.2 * x @ x)

    bias, *factors = SvdSystem(SvdFoldIn(regularization=0.2), items, baseline).solve(rows, baseline[rows] + residual)
    np.testing.assert_allclose([bias, *factors], minimize(loss, np.zeros(D + 1), tol=1e-12).x, atol=1e-5)


def test_a_person_without_ratings_folds_in_to_zeros() -> None:
    empty = sp.csr_matrix(np.zeros((1, N), dtype=np.float32))
    spec = AlsFoldIn(gram="gram", regularization=1.0)
    factors, bias = AlsSystem(spec, EMBEDDING, np.eye(D)).fold_in(empty)
    assert bias is None
    assert not factors.any()
