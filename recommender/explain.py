"""What moved a score: contributions that, with a remainder, add up to it exactly.

For a person the contributions are those of the films that the person rated. Similarity and item-weight models are sums
over those films to begin with. Factor models are linear in the right-hand side of the person's equations, so each rated
film's part of it is carried through the same solution (Hu, Koren and Volinsky, 2008, section 5). What no rated film
brought, biases and overall averages, is the remainder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model, Ranked
from recommender.scoring.blocks import unseen_statistics
from recommender.scoring.foldin import als_system, svd_system
from recommender.scoring.scorers import Ensemble, Factors, ItemWeights, Similarity, UserScorer
from recommender.scoring.specs import AlsFoldIn, SimilaritySpec

Rows = NDArray[np.int64]
Shares = NDArray[np.float64]

CONTENT_FEATURES = 5  # shared features that are named for each recommendation
EXPECTED = "expected"  # the part of a new film's score that rests on what is expected of it


@dataclass(frozen=True)
class Reason:
    """One thing that moved a score; `kind` is film, genre, tag, director, ... or the name of a part of the model."""

    kind: str
    name: str
    contribution: float
    row: int | None = None  # of the rated film, where the reason is one
    stars: float | None = None


@dataclass(frozen=True)
class Explanation:
    """score = sum of the reasons' contributions + rest."""

    reasons: list[Reason]
    rest: float


def explain_similar(model: Model, query: int, ranked: Ranked) -> list[Explanation]:
    """Why each film of `ranked` is like the film `query`: parts of the model, content told by what both films share."""
    scorer, spec = model.item_scorer, model.manifest.item_scorer
    if not isinstance(scorer, Similarity) or not isinstance(spec, SimilaritySpec):
        return [_explanation([], ranked, at) for at in range(len(ranked.rows))]
    parts = scorer.contributions(query, ranked.rows)
    content = {part.name for part in spec.parts if part.embedding == model.manifest.content_embedding}
    return [
        _explanation(
            [
                reason
                for name, values in parts.items()
                for reason in _part_reasons(model, (query, row), name, float(values[at]), told=name in content)
            ],
            ranked,
            at,
        )
        for at, row in enumerate(ranked.rows.tolist())
    ]


def explain_person(
    scorer: UserScorer, history: sp.csr_matrix, ranked: Ranked, limit: int, user_row: int | None = None
) -> list[Explanation]:
    """Which rated films of `history` (1, n) moved each film of `ranked`, the `limit` strongest of them.

    `user_row`: the person's row where the training data has one.
    """
    shares = contributions(scorer, history, ranked.rows, user_row)
    explained = []
    for at in range(len(ranked.rows)):
        strongest = np.argsort(-np.abs(shares[:, at]), kind="stable")[:limit].tolist()
        reasons = [
            Reason("film", "", float(shares[line, at]), int(history.indices[line]), float(history.data[line]))
            for line in strongest
        ]
        explained.append(_explanation(reasons, ranked, at))
    return explained


def contributions(scorer: UserScorer, history: sp.csr_matrix, candidates: Rows, user_row: int | None = None) -> Shares:
    """(k, c) what each rated film of one person adds to the score of each candidate (c,); `history`: (1, n)."""
    rated, stars = history.indices.astype(np.int64), history.data
    match scorer:
        case Similarity():
            total = np.zeros((len(rated), len(candidates)))
            for part in scorer.parts:
                total += part.between(rated, candidates)
            return total * scorer.weights(stars)[:, None]
        case ItemWeights():
            return scorer.between(rated, candidates).astype(np.float64) * scorer.weights(stars)[:, None]
        case Factors():
            return _factor_shares(scorer, rated, stars.astype(np.float64), candidates)
        case Ensemble():
            return _ensemble_shares(scorer, history, candidates, user_row)
        case _:
            return np.zeros((len(rated), len(candidates)))


def _factor_shares(scorer: Factors, rated: Rows, stars: Shares, candidates: Rows) -> Shares:
    items = scorer.item_factors
    known, wanted = items[rated].astype(np.float64), items[candidates].astype(np.float64)
    spec = scorer.spec.fold_in
    if isinstance(spec, AlsFoldIn):
        system, shares = als_system(spec, known, stars, scorer.arrays[spec.gram], len(items))
    else:
        system, shares = svd_system(spec, known, stars - scorer.baseline()[rated])
        wanted = np.column_stack([np.ones(len(wanted)), wanted])
    return np.asarray((wanted @ np.linalg.solve(system, shares)).T)


def _ensemble_shares(scorer: Ensemble, history: sp.csr_matrix, candidates: Rows, user_row: int | None) -> Shares:
    total = np.zeros((history.nnz, len(candidates)))
    for weight, member in scorer.members:
        known = None if user_row is None else np.array([user_row])
        block = member.folded(history) if known is None else member.known(known, history)
        _, deviation = unseen_statistics(block, history)
        total += weight / deviation[0] * contributions(member, history, candidates)
    return total


def _part_reasons(model: Model, films: tuple[int, int], name: str, value: float, *, told: bool) -> list[Reason]:
    """A part's contribution, split by what both films share where the part is `told` so."""
    shared = model.extras.shared_features(*films, CONTENT_FEATURES) if told and model.extras else []
    if shared:
        return [Reason(feature.kind, feature.name, value * feature.share) for feature in shared]
    # The taste of a film that nobody has rated is a guess from its content: not to be told as what people liked.
    return [Reason("part", name if told or model.catalog.counts[list(films)].all() else EXPECTED, value)]


def _explanation(reasons: list[Reason], ranked: Ranked, at: int) -> Explanation:
    if ranked.steering is not None:
        reasons = [*reasons, Reason("steering", "the tags asked for", float(ranked.steering[at]))]
    return Explanation(reasons, float(ranked.scores[at]) - sum(reason.contribution for reason in reasons))
