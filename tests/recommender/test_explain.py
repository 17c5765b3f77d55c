"""Contributions add up, and they are what each model's formula says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.explain import EXPECTED, contributions, explain_person, explain_similar
from recommender.model import Model, Ranked
from recommender.scoring.scorers import user_scorer
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
    UserSpec,
)
from tests.toy import UNRATED, build_arrays, build_manifest

RNG = np.random.default_rng(3)
N, D = 8, 3
STARS = sp.csr_matrix(np.array([[5, 0, 4, 0, 0, 1.5, 0, 0]], dtype=np.float32))
ITEMS = RNG.normal(size=(N, D)).astype(np.float32)
ARRAYS: dict[str, NDArray[Any]] = {
    "items": ITEMS,
    "users": RNG.normal(size=(1, D)).astype(np.float32),
    "gram": ITEMS.T.astype(np.float64) @ ITEMS,
    "item_bias": RNG.normal(size=N).astype(np.float32),
    "popular": np.arange(N, dtype=np.float32),
    "weights": RNG.normal(size=(N, N)).astype(np.float32),
    "capped": RNG.normal(size=(4, 4)).astype(np.float32),
    "capped_rows": np.array([0, 2, 4, 7], dtype=np.int32),
}
ALS = FactorSpec(
    user_factors="users", item_factors="items", fold_in=AlsFoldIn(gram="gram", regularization=0.3, alpha=2.0)
)
SVD = FactorSpec(
    user_factors="users", item_factors="items", item_bias="item_bias", global_mean=3.5,
    fold_in=SvdFoldIn(regularization=0.1),
)  # fmt: skip
SIMILAR = SimilaritySpec(parts=[SimilarityPart(name="a", embedding="items", weight=0.7)], profile_weight="centred")
DENSE = ItemWeightsSpec(dense="weights", profile_weight="rating")
CAPPED = ItemWeightsSpec(dense="capped", rows="capped_rows")
SPECS: dict[str, UserSpec] = {"als": ALS, "svd": SVD, "similarity": SIMILAR, "dense": DENSE, "capped": CAPPED}
CANDIDATES = np.array([1, 3, 4, 7])


@pytest.mark.parametrize("name", SPECS)
def test_what_the_rated_films_do_not_bring_is_the_formulas_constant(name: str) -> None:
    scorer = user_scorer(SPECS[name], ARRAYS)
    scores = scorer.folded(STARS)[0][CANDIDATES]
    rest = scores - contributions(scorer, STARS, CANDIDATES).sum(axis=0)
    constant = 3.5 + ARRAYS["item_bias"][CANDIDATES] if name == "svd" else 0.0
    np.testing.assert_allclose(rest, constant + np.zeros(len(CANDIDATES)), atol=1e-4)


def test_an_ensembles_contributions_are_its_members_in_units_of_their_spread() -> None:
    members = [EnsembleMember(name="a", weight=0.6, spec=ALS), EnsembleMember(name="b", weight=0.4, spec=DENSE)]
    popular = EnsembleMember(name="c", weight=1, spec=PopularitySpec(scores="popular"))
    scorer = user_scorer(EnsembleSpec(members=[*members, popular]), ARRAYS)
    shares = contributions(scorer, STARS, CANDIDATES)
    unseen = np.setdiff1d(np.arange(N), STARS.indices)
    expected = sum(
        member.weight
        * contributions(user_scorer(member.spec, ARRAYS), STARS, CANDIDATES)
        / user_scorer(member.spec, ARRAYS).folded(STARS)[0][unseen].std()
        for member in members
    )
    np.testing.assert_allclose(shares, expected, rtol=1e-4)


def test_the_strongest_rated_films_are_named_and_the_rest_makes_up_the_score() -> None:
    scorer = user_scorer(ALS, ARRAYS)
    ranked = Ranked(CANDIDATES, scorer.folded(STARS)[0][CANDIDATES])
    for rank, explanation in enumerate(explain_person(scorer, STARS, ranked, limit=2)):
        sizes = [abs(reason.contribution) for reason in explanation.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) == 2
        total = sum(reason.contribution for reason in explanation.reasons) + explanation.rest
        assert total == pytest.approx(float(ranked.scores[rank]))
        assert {(r.row, r.stars) for r in explanation.reasons} <= {(0, 5.0), (2, 4.0), (5, 1.5)}


def test_what_is_only_expected_of_a_new_film_is_not_told_as_what_people_liked() -> None:
    taste = SimilaritySpec(parts=[SimilarityPart(name="als", embedding="content")])
    model = Model(build_manifest(item_scorer=taste, content_embedding=None), build_arrays())
    ranked = Ranked(np.array([1, UNRATED]), np.ones(2, dtype=np.float32))
    assert [explanation.reasons[0].name for explanation in explain_similar(model, 0, ranked)] == ["als", EXPECTED]
    assert [explanation.reasons[0].name for explanation in explain_similar(model, UNRATED, ranked)] == [
        EXPECTED,
        EXPECTED,
    ]
