"""Similarities are at most 1 whatever gains and embeddings hold, and nothing else about them changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.explain import explain_similar
from recommender.films.catalog import FilmFilter
from recommender.model import Model, Wanted
from recommender.scoring.scale import scale_of, scaled
from recommender.scoring.scorers import item_scorer
from recommender.scoring.specs import PopularitySpec, SimilarityPart, SimilaritySpec
from tests.toy import build_arrays, build_manifest

N = 12
PARTS = [
    SimilarityPart(name="taste", weight=0.7, embedding="taste", query_gain="q1", candidate_gain="c1"),
    SimilarityPart(name="content", weight=1.3, embedding="content", query_gain="q2", candidate_gain="c2"),
]


def random_arrays(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    gains = {name: rng.uniform(0, 3, N).astype(np.float32) for name in ("q1", "q2", "c1", "c2")}
    vectors = {name: rng.normal(size=(N, 2)) for name in ("taste", "content")}
    unit = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in vectors.items()}
    return gains | {name: rows.astype(np.float32) for name, rows in unit.items()}


@given(st.integers(0, 10_000))
def test_no_similarity_exceeds_1_and_the_order_stays(seed: int) -> None:
    arrays, spec = random_arrays(seed), SimilaritySpec(parts=PARTS)
    factor = scale_of(spec, arrays)
    after = scaled(spec, factor)
    before, now = (item_scorer(version, arrays).similar(np.arange(N)) for version in (spec, after))
    assert now.max() <= 1
    np.testing.assert_allclose(now, before * factor, rtol=1e-4, atol=1e-6)
    assert scale_of(after, arrays) == 1


def test_the_bound_is_reached_where_cosines_are_1() -> None:
    ones = np.ones((N, 1), dtype=np.float32)
    arrays = random_arrays(3) | {"taste": ones, "content": ones}
    spec = SimilaritySpec(parts=PARTS)
    largest = item_scorer(scaled(spec, scale_of(spec, arrays)), arrays).similar(np.arange(N)).max()
    assert 1 - 1e-5 < largest <= 1


def test_sparse_entries_count_and_shares_of_users_stay() -> None:
    links = {"links_data": np.array([0.5, 4.0], dtype=np.float32)}
    spec = SimilaritySpec(parts=[SimilarityPart(name="links", weight=0.5, sparse="links")])
    assert scale_of(spec, links) == pytest.approx(0.5, rel=1e-5)
    assert scale_of(PopularitySpec(scores="scores"), {"scores": np.array([9.0])}) == 1


@pytest.fixture(scope="module")
def old() -> Model:
    """A version of older code: receptions above 1, and lists with films of no similarity."""
    arrays = build_arrays()
    n = len(arrays["content"])
    arrays["reception"] = np.linspace(0.5, 1.25, n, dtype=np.float32)
    arrays["content"] = (arrays["content"] * np.where(np.arange(n) < 8, 1, -1)[:, None]).astype(np.float32)
    spec = SimilaritySpec(parts=[SimilarityPart(name="content", embedding="content", candidate_gain="reception")])
    scores = (arrays["content"] @ arrays["content"].T) * arrays["reception"]
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable").astype(np.int32)
    arrays["neighbour_rows"] = order
    arrays["neighbour_scores"] = np.take_along_axis(scores, order.astype(np.int64), axis=1).astype(np.float32)
    return Model(build_manifest(item_scorer=spec, content_embedding="content"), arrays)


@pytest.mark.parametrize(
    "options", [Wanted(n=9), Wanted(n=9, filter=FilmFilter(genres=("Comedy",))), Wanted(n=9, diversity=0.5)]
)
def test_every_list_of_an_older_version_is_scaled_and_ends_above_0(old: Model, options: Wanted) -> None:
    for row in range(len(old.catalog)):
        ranked = old.similar(row, options)
        assert ((ranked.scores > 0) & (ranked.scores <= 1)).all()
        if not options.diversity:
            assert (np.diff(ranked.scores) <= 0).all()
        for rank, explanation in enumerate(explain_similar(old, row, ranked)):
            total = sum(reason.contribution for reason in explanation.reasons)
            assert total == pytest.approx(float(ranked.scores[rank]), abs=1e-6)
            assert explanation.rest == pytest.approx(0, abs=1e-6)


def test_prebuilt_and_computed_lists_of_an_older_version_agree(old: Model) -> None:
    prebuilt = old.similar(0, Wanted(n=4))
    scores = old.item_scorer.similar(np.array([0]))[0][prebuilt.rows]
    np.testing.assert_allclose(prebuilt.scores, scores, rtol=1e-5)
    assert old.nearest(0, 4) == (prebuilt.rows.tolist(), prebuilt.scores.tolist())
    assert old.nearest(0, len(old.catalog)) is None
