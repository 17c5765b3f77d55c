"""Explanations: split a score into contributions and a remainder that add up to it exactly.

For a user the contributions come from the rated films. Similarity and item-weight models are sums over those films.
Factor models are linear in the right-hand side of the fold-in's equations, so each rated film's share of it is solved
for separately (Hu, Koren and Volinsky, 2008, section 5). Biases and averages are the remainder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model, Person, Ranked
from recommender.scoring.blocks import unseen_statistics
from recommender.scoring.foldin import FoldIn
from recommender.scoring.scorers import Ensemble, Factors, ItemWeights, Similarity, UserScorer
from recommender.scoring.specs import SimilaritySpec

Rows = NDArray[np.int64]
Shares = NDArray[np.float64]

CONTENT_FEATURES = 5  # shared features that are named for each recommendation
EXPECTED = "expected"  # name of the part whose value for an unrated film is a guess from its content


@dataclass(frozen=True)
class Reason:
    """One contribution to a score; `kind`: film, genre, tag, director, ..., part (of the model) or steering."""

    kind: str
    name: str
    contribution: float
    row: int | None = None  # of the rated film, if `kind` is film
    stars: float | None = None


@dataclass(frozen=True)
class Explanation:
    """The reasons of one score: score = sum of their contributions + rest."""

    reasons: list[Reason]
    rest: float


@dataclass(frozen=True)
class Sides:
    """Rated films that speak for a film and against it, the strongest first."""

    liked: list[Reason]
    disliked: list[Reason]


def explain_similar(model: Model, query: int, ranked: Ranked) -> list[Explanation]:
    """Explain why films are similar to a query film, by the model's parts and the features that both films share."""
    scorer, spec = model.item_scorer, model.manifest.item_scorer
    if not isinstance(scorer, Similarity) or not isinstance(spec, SimilaritySpec):
        return [_explanation([], ranked, rank) for rank in range(len(ranked.rows))]
    contributions_by_part = scorer.contributions(query, ranked.rows)
    content = {
        part.name for part in spec.parts if part.embedding and part.embedding == model.manifest.content_embedding
    }
    explanations = []
    for rank, row in enumerate(ranked.rows.tolist()):
        reasons: list[Reason] = []
        for name, values in contributions_by_part.items():
            reasons += _part_reasons(model, (query, row), name, float(values[rank]), is_content=name in content)
        explanations.append(_explanation(reasons, ranked, rank))
    return explanations


def explain_person(
    scorer: UserScorer, history: sp.csr_matrix, ranked: Ranked, limit: int, user_row: int | None = None
) -> list[Explanation]:
    """Explain recommendations for a user by the `limit` rated films that contribute most to each.

    `history`: (1, n) the user's ratings in stars; `user_row`: the user's row, if the training data has one.
    """
    shares = contributions(scorer, history, ranked.rows, user_row)
    explanations = []
    for rank in range(len(ranked.rows)):
        strongest = np.argsort(-np.abs(shares[:, rank]), kind="stable")[:limit].tolist()
        reasons = [
            Reason("film", "", float(shares[i, rank]), int(history.indices[i]), float(history.data[i]))
            for i in strongest
        ]
        explanations.append(_explanation(reasons, ranked, rank))
    return explanations


def both_sides(model: Model, person: Person, candidates: Rows, limit: int) -> list[Sides]:
    """Return for each candidate (c,) the rated films that speak for it and against it, at most `limit` of each.

    A film speaks for another where it was liked and adds to the score, against it where it was not and lowers it.
    """
    history = person.history
    shares = contributions(model.user_scorer, model.stars(history), candidates, person.row)
    is_liked = history.data >= np.float32(model.feedback.like)

    def strongest(of_candidate: Shares, speaks: NDArray[np.bool_]) -> list[Reason]:
        order = [i for i in np.argsort(-np.abs(of_candidate), kind="stable").tolist() if speaks[i]][:limit]
        return [Reason("film", "", float(of_candidate[i]), int(history.indices[i])) for i in order]

    return [
        Sides(strongest(column, is_liked & (column > 0)), strongest(column, ~is_liked & (column < 0)))
        for column in shares.T
    ]


def contributions(scorer: UserScorer, history: sp.csr_matrix, candidates: Rows, user_row: int | None = None) -> Shares:
    """Return the contribution (k, c) of each of a user's k rated films to the scores of the `candidates` (c,).

    `history`: (1, n) the user's ratings in stars.
    """
    rated, stars = history.indices.astype(np.int64), history.data
    if not len(rated):
        return np.zeros((0, len(candidates)))
    match scorer:
        case Similarity():
            total = np.zeros((len(rated), len(candidates)))
            for term in scorer.terms:
                total += term.between(rated, candidates)
            return total * scorer.weights(stars)[:, None]
        case ItemWeights():
            return scorer.between(rated, candidates).astype(np.float64) * scorer.weights(stars)[:, None]
        case Factors() if scorer.folds_in:
            return _factor_shares(scorer.fold_in, rated, stars.astype(np.float64), candidates)
        case Ensemble():
            return _ensemble_shares(scorer, history, candidates, user_row)
        case _:
            return np.zeros((len(rated), len(candidates)))


def _factor_shares(fold_in: FoldIn, rated: Rows, stars: Shares, candidates: Rows) -> Shares:
    matrix, right_sides = fold_in.system(rated, stars)
    return np.asarray((fold_in.candidate_vectors(candidates) @ np.linalg.solve(matrix, right_sides)).T)


def _ensemble_shares(scorer: Ensemble, history: sp.csr_matrix, candidates: Rows, user_row: int | None) -> Shares:
    total = np.zeros((history.nnz, len(candidates)))
    for weight, member in scorer.members:
        block = member.folded(history) if user_row is None else member.known(np.array([user_row]), history)
        _, deviation = unseen_statistics(block, history)
        total += weight / deviation[0] * contributions(member, history, candidates)
    return total


def _part_reasons(model: Model, films: tuple[int, int], name: str, value: float, *, is_content: bool) -> list[Reason]:
    """Return the reasons of one part's contribution: for the content part, one for each shared feature."""
    shared = model.extras.shared_features(*films, CONTENT_FEATURES) if is_content and model.extras else []
    if shared:
        return [Reason(feature.kind, feature.name, value * feature.share) for feature in shared]
    # What a part learnt from ratings says of an unrated film is only a guess.
    is_guess = not is_content and not model.catalog.counts[list(films)].all()
    return [Reason("part", EXPECTED if is_guess else name, value)]


def _explanation(reasons: list[Reason], ranked: Ranked, rank: int) -> Explanation:
    reasons = [*reasons, *(Reason("steering", name, float(shares[rank])) for name, shares in ranked.added.items())]
    return Explanation(reasons, float(ranked.scores[rank]) - sum(reason.contribution for reason in reasons))
