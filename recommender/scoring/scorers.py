"""Scorers: compute scores from specs and arrays, for evaluation and serving alike.

A block of scores is (b, n) float32 for b users or query films and n films. Higher is better; scores compare only within
a row. Ratings come in stars (`recommender.feedback`). Masks and filters are in `recommender.scoring.ranking`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import assert_never

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.ids import UNKNOWN
from recommender.scoring import specs
from recommender.scoring.blocks import Arrays, Block, Rows, gather, sparse_array, with_data, z_scores
from recommender.scoring.foldin import AlsSystem, FoldIn, GaussianSystem, NoSystem, SvdSystem, UserVectors
from recommender.scoring.terms import similarity_term
from recommender.scoring.weights import profile_weights


class ItemScorer(ABC):
    """Scores all films by their similarity to a query film."""

    @abstractmethod
    def similar(self, rows: Rows) -> Block:
        """Return the similarity (b, n) of every film to each of the films `rows` (b,)."""


class UserScorer(ABC):
    """Scores all films for a user."""

    def known(self, user_rows: Rows, history: sp.csr_matrix) -> Block:
        """Return scores (b, n) for users of the training data.

        `user_rows`: (b,) rows of the users; `history`: (b, n) their ratings in stars.
        """
        return self.folded(history)

    @abstractmethod
    def folded(self, ratings: sp.csr_matrix) -> Block:
        """Return scores (b, n) for new users, folded in from their ratings in stars (b, n)."""


def item_scorer(spec: specs.ItemSpec, arrays: Arrays) -> ItemScorer:
    """Return the item scorer that a spec describes."""
    if isinstance(spec, specs.PopularitySpec):
        return Popularity(spec, arrays)
    return Similarity(spec, arrays)


def user_scorer(spec: specs.UserSpec, arrays: Arrays) -> UserScorer:
    """Return the user scorer that a spec describes."""
    match spec:
        case specs.PopularitySpec():
            return Popularity(spec, arrays)
        case specs.SimilaritySpec():
            return Similarity(spec, arrays)
        case specs.FactorSpec():
            return Factors(spec, arrays)
        case specs.ItemWeightsSpec():
            return ItemWeights(spec, arrays)
        case specs.EnsembleSpec():
            return Ensemble(spec, arrays)
        case _:
            assert_never(spec)


class Popularity(ItemScorer, UserScorer):
    """The same scores for every user and query film."""

    def __init__(self, spec: specs.PopularitySpec, arrays: Arrays) -> None:
        self._scores = arrays[spec.scores]

    def similar(self, rows: Rows) -> Block:
        return np.tile(self._scores, (len(rows), 1))

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return np.tile(self._scores, (ratings.shape[0], 1))


class Similarity(ItemScorer, UserScorer):
    """Weighted sum of similarities; for a user, summed over the films of the history."""

    def __init__(self, spec: specs.SimilaritySpec, arrays: Arrays) -> None:
        self._spec = spec
        self.terms = [similarity_term(part, arrays) for part in spec.parts]

    def similar(self, rows: Rows) -> Block:
        shape = (len(rows), self.terms[0].n_movies)
        return self._sum(sp.csr_matrix((np.ones(len(rows), np.float32), rows, np.arange(len(rows) + 1)), shape=shape))

    def folded(self, ratings: sp.csr_matrix) -> Block:
        spans = zip(ratings.indptr, ratings.indptr[1:], strict=False)
        weights = [self.weights(ratings.data[start:stop]) for start, stop in spans]
        return self._sum(with_data(ratings, np.concatenate([*weights, np.empty(0, np.float32)])))

    def weights(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weight of each rating (k,) of one user; r / 5 if all would weigh 0, unless they are signed."""
        weights = profile_weights(stars, self._spec.profile_weight, self._spec.like, self._spec.dislike)
        is_final = weights.any() or self._spec.profile_weight == "signed"
        return weights if is_final else profile_weights(stars, "rating", self._spec.like)

    def contributions(self, query: int, candidates: Rows) -> dict[str, Block]:
        """Return the contribution of each part to the similarity of the `candidates` (c,) to one film, by name."""
        return {term.name: term.between(np.array([query]), candidates)[0] for term in self.terms}

    def _sum(self, weights: sp.csr_matrix) -> Block:
        total = self.terms[0].scores(weights)
        for term in self.terms[1:]:
            term.add_scores(weights, total)
        return total


class Factors(UserScorer):
    """Matrix factorization: biases plus the product of user and item factors; see FactorSpec."""

    def __init__(self, spec: specs.FactorSpec, arrays: Arrays) -> None:
        self.item_factors = arrays[spec.item_factors]
        self._user_factors = arrays[spec.user_factors]
        self._user_bias = arrays[spec.user_bias] if spec.user_bias else None
        item_bias = arrays[spec.item_bias] if spec.item_bias else np.zeros(len(self.item_factors), dtype=np.float32)
        self.baseline = item_bias + np.float32(spec.global_mean)  # (n,) the score of each film before any user
        self._has_baseline = bool(spec.item_bias or spec.global_mean)
        self.fold_in = self._fold_in(spec.fold_in, arrays)

    @property
    def folds_in(self) -> bool:
        """Return whether there are scores for new users; without, they raise NewUserError."""
        return not isinstance(self.fold_in, NoSystem)

    def known(self, user_rows: Rows, history: sp.csr_matrix) -> Block:
        return self._scores(*self.user_vectors(history, user_rows))

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return self._scores(*self.user_vectors(ratings))

    def user_vectors(self, ratings: sp.csr_matrix, user_rows: Rows | None = None) -> UserVectors:
        """Return factors (b, d) and biases (b,) of the users `user_rows`, or fold them in from `ratings` (b, n)."""
        if user_rows is None:
            return self.fold_in.fold_in(ratings)
        return self._user_factors[user_rows], None if self._user_bias is None else self._user_bias[user_rows]

    def _fold_in(
        self, spec: specs.AlsFoldIn | specs.SvdFoldIn | specs.GaussianFoldIn | specs.NoFoldIn, arrays: Arrays
    ) -> FoldIn:
        match spec:
            case specs.AlsFoldIn():
                return AlsSystem(spec, self.item_factors, arrays[spec.gram])
            case specs.SvdFoldIn():
                return SvdSystem(spec, self.item_factors, self.baseline)
            case specs.GaussianFoldIn():
                return GaussianSystem(spec, self.item_factors, self.baseline, arrays)
            case specs.NoFoldIn():
                return NoSystem(self.item_factors, self.item_factors.shape[1])
            case _:
                assert_never(spec)

    def _scores(self, factors: Block, user_bias: NDArray[np.float32] | None) -> Block:
        scores = np.asarray(factors @ self.item_factors.T, dtype=np.float32)
        if self._has_baseline:
            scores += self.baseline
        if user_bias is not None:
            scores += user_bias[:, None]
        return scores


class ItemWeights(UserScorer):
    """A user's weighted history times a films x films matrix: item-KNN and EASE; see ItemWeightsSpec."""

    def __init__(self, spec: specs.ItemWeightsSpec, arrays: Arrays) -> None:
        self._spec = spec
        self._dense = arrays[spec.dense] if spec.dense else None
        self._rows = arrays[spec.rows] if spec.rows else None
        self._sparse = sparse_array(arrays, spec.sparse) if spec.sparse else None
        self._prior = arrays[spec.prior] if spec.prior else np.float32(0)

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return self._sums(with_data(ratings, self.weights(ratings.data))) + self._prior

    def _sums(self, weights: sp.csr_matrix) -> Block:
        if self._sparse is not None:
            return np.asarray((weights @ self._sparse).toarray(), dtype=np.float32)
        assert self._dense is not None
        if self._rows is None:
            return gather(self._dense, weights)
        scores = np.zeros(weights.shape, dtype=np.float32)
        scores[:, self._rows] = gather(self._dense, weights[:, self._rows])
        return scores

    def weights(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weight of each rating in a history."""
        return profile_weights(stars, self._spec.profile_weight, self._spec.like, self._spec.dislike)

    def between(self, films: Rows, candidates: Rows) -> Block:
        """Return the matrix entries (f, c) of the rated `films` (f,) and the `candidates` (c,); 0 outside `rows`."""
        if self._sparse is not None:
            return np.asarray(self._sparse[films][:, candidates].toarray(), dtype=np.float32)
        assert self._dense is not None
        if self._rows is None:
            return np.asarray(self._dense[np.ix_(films, candidates)])
        size = int(max(self._rows.max(), films.max(initial=0), candidates.max(initial=0))) + 1
        positions = np.full(size, UNKNOWN)
        positions[self._rows] = np.arange(len(self._rows))
        i, j = positions[films], positions[candidates]
        return np.where((i >= 0)[:, None] & (j >= 0), self._dense[np.ix_(i, j)], np.float32(0))


class Ensemble(UserScorer):
    """Weighted sum of its members' scores, standardised over the films that are not in the user's history."""

    def __init__(self, spec: specs.EnsembleSpec, arrays: Arrays) -> None:
        self.members = [(member.weight, user_scorer(member.spec, arrays)) for member in spec.members]

    def known(self, user_rows: Rows, history: sp.csr_matrix) -> Block:
        return self._sum(history, [scorer.known(user_rows, history) for _, scorer in self.members])

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return self._sum(ratings, [scorer.folded(ratings) for _, scorer in self.members])

    def _sum(self, history: sp.csr_matrix, blocks: list[Block]) -> Block:
        total = np.zeros(history.shape, dtype=np.float32)
        for (weight, _), block in zip(self.members, blocks, strict=True):
            total += np.float32(weight) * z_scores(block, history)
        return total
