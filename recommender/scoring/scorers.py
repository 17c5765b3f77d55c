"""Specs and arrays turned into scores: the only scoring code, for evaluation and serving alike.

Every scorer works on blocks. b is the number of people or films asked for, n the number of films; a block of scores is
(b, n) float32, higher is better, and compares only within its row. Masks and filters are in
`recommender.scoring.ranking`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import assert_never

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.ids import UNKNOWN
from recommender.schema import LIKE_THRESHOLD, RATING_MAX
from recommender.scoring.blocks import Arrays, Block, Rows, gather, sparse_array, with_data, z_scores
from recommender.scoring.foldin import Folded, fold_in
from recommender.scoring.specs import (
    EnsembleSpec,
    FactorSpec,
    ItemSpec,
    ItemWeightsSpec,
    PopularitySpec,
    SimilarityPart,
    SimilaritySpec,
    UserSpec,
)


class ItemScorer(ABC):
    """Film in, likeness of every film out."""

    @abstractmethod
    def similar(self, rows: Rows) -> Block:
        """(b, n) likeness of every film to each of the films `rows` (b,)."""


class UserScorer(ABC):
    """Person in, score of every film out."""

    def known(self, user_rows: Rows, history: sp.csr_matrix) -> Block:
        """(b, n) scores for users of the training data.

        `user_rows`: (b,); `history`: their ratings in stars, (b, n), the same rows.
        """
        return self.folded(history)

    @abstractmethod
    def folded(self, ratings: sp.csr_matrix) -> Block:
        """(b, n) scores for people known by their ratings in stars alone: `ratings` is (b, n)."""


def item_scorer(spec: ItemSpec, arrays: Arrays) -> ItemScorer:
    """The item scorer that `spec` describes."""
    if isinstance(spec, PopularitySpec):
        return Popularity(spec, arrays)
    return Similarity(spec, arrays)


def user_scorer(spec: UserSpec, arrays: Arrays) -> UserScorer:
    """The user scorer that `spec` describes."""
    match spec:
        case PopularitySpec():
            return Popularity(spec, arrays)
        case SimilaritySpec():
            return Similarity(spec, arrays)
        case FactorSpec():
            return Factors(spec, arrays)
        case ItemWeightsSpec():
            return ItemWeights(spec, arrays)
        case EnsembleSpec():
            return Ensemble(spec, arrays)
        case _:
            assert_never(spec)


class Popularity(ItemScorer, UserScorer):
    """Everybody gets the same scores."""

    def __init__(self, spec: PopularitySpec, arrays: Arrays) -> None:
        self._scores = arrays[spec.scores]

    def similar(self, rows: Rows) -> Block:
        return np.tile(self._scores, (len(rows), 1))

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return np.tile(self._scores, (ratings.shape[0], 1))


class Similarity(ItemScorer, UserScorer):
    """Weighted sum of likenesses; for a person, summed over the films of the history."""

    def __init__(self, spec: SimilaritySpec, arrays: Arrays) -> None:
        self._spec = spec
        self.parts = [_Part(part, arrays) for part in spec.parts]

    def similar(self, rows: Rows) -> Block:
        n = self.parts[0].n_movies
        picks = sp.csr_matrix((np.ones(len(rows), np.float32), rows, np.arange(len(rows) + 1)), shape=(len(rows), n))
        return self._sum(picks)

    def folded(self, ratings: sp.csr_matrix) -> Block:
        spans = zip(ratings.indptr, ratings.indptr[1:], strict=False)
        counted = [self.weights(ratings.data[start:stop]) for start, stop in spans]
        return self._sum(with_data(ratings, np.concatenate([*counted, np.empty(0, np.float32)])))

    def weights(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much each rating (k,) of one person counts; where none would count, all do, as r / 5."""
        weights = profile_weights(stars, self._spec.profile_weight)
        return weights if weights.any() else profile_weights(stars, "rating")

    def contributions(self, query: int, candidates: Rows) -> dict[str, NDArray[np.float32]]:
        """What each part adds to the likeness of `candidates` (c,) to the film `query`; the values add up to it."""
        return {part.name: part.between(np.array([query]), candidates)[0] for part in self.parts}

    def _sum(self, weights: sp.csr_matrix) -> Block:
        total = self.parts[0].scores(weights)
        for part in self.parts[1:]:
            part.add_scores(weights, total)
        return total


class _Part:
    """One term of a Similarity."""

    def __init__(self, spec: SimilarityPart, arrays: Arrays) -> None:
        self.name = spec.name
        self._weight = np.float32(spec.weight)
        self._embedding = arrays[spec.embedding] if spec.embedding else None
        self._sparse = sparse_array(arrays, spec.sparse) if spec.sparse else None
        self._query_gain = arrays[spec.query_gain] if spec.query_gain else None
        self._candidate_gain = arrays[spec.candidate_gain] if spec.candidate_gain else None

    @property
    def n_movies(self) -> int:
        return int(self._embedding.shape[0] if self._embedding is not None else self._links.shape[0])

    @property
    def _links(self) -> sp.csr_matrix:
        assert self._sparse is not None, "a part has an embedding or a sparse matrix"
        return self._sparse

    def scores(self, weights: sp.csr_matrix) -> Block:
        """(b, n) weighted likeness to the films of each line of `weights` (b, n)."""
        if self._embedding is None:
            total = np.zeros(weights.shape, dtype=np.float32)
            self.add_scores(weights, total)
            return total
        raw = np.asarray(gather(self._embedding, self._of_queries(weights)) @ self._embedding.T)
        raw *= self._weight if self._candidate_gain is None else self._weight * self._candidate_gain
        return np.asarray(raw, dtype=np.float32)

    def add_scores(self, weights: sp.csr_matrix, total: Block) -> None:
        """Add the scores to `total` (b, n); of a sparse part only the places that are not zero are touched."""
        if self._embedding is not None:
            total += self.scores(weights)
            return
        links = self._of_queries(weights) @ self._links
        gain = self._weight if self._candidate_gain is None else self._weight * self._candidate_gain[links.indices]
        total[np.repeat(np.arange(len(total)), np.diff(links.indptr)), links.indices] += links.data * gain

    def _of_queries(self, weights: sp.csr_matrix) -> sp.csr_matrix:
        if self._query_gain is None:
            return weights
        return with_data(weights, weights.data * self._query_gain[weights.indices])

    def between(self, queries: Rows, candidates: Rows) -> Block:
        """(q, c) this part's likeness of the films `candidates` (c,) to the films `queries` (q,)."""
        if self._embedding is not None:
            raw = self._embedding[queries] @ self._embedding[candidates].T
        else:
            raw = self._links[queries][:, candidates].toarray()
        raw = raw * self._weight
        if self._query_gain is not None:
            raw = raw * self._query_gain[queries][:, None]
        if self._candidate_gain is not None:
            raw = raw * self._candidate_gain[candidates]
        return np.asarray(raw, dtype=np.float32)


class Factors(UserScorer):
    """Biases and the product of user and item factors."""

    def __init__(self, spec: FactorSpec, arrays: Arrays) -> None:
        self.spec = spec
        self.arrays = arrays
        self.user_factors = arrays[spec.user_factors]
        self.item_factors = arrays[spec.item_factors]
        self._user_bias = arrays[spec.user_bias] if spec.user_bias else None
        self._item_bias = arrays[spec.item_bias] if spec.item_bias else None

    def known(self, user_rows: Rows, history: sp.csr_matrix) -> Block:
        return self._scores(*self.people(history, user_rows))

    def folded(self, ratings: sp.csr_matrix) -> Block:
        return self._scores(*self.people(ratings))

    def people(self, ratings: sp.csr_matrix, user_rows: Rows | None = None) -> Folded:
        """Factors (b, d) and biases (b,) of people: of the rows `user_rows`, or folded in from `ratings` (b, n)."""
        if user_rows is None:
            return fold_in(self.spec.fold_in, ratings, self.item_factors, self.baseline(), self.arrays)
        bias = self._user_bias[user_rows] if self._user_bias is not None else None
        return self.user_factors[user_rows], bias

    def baseline(self) -> NDArray[np.float32]:
        """(n,) what everybody's score of each film starts from."""
        mean = np.float32(self.spec.global_mean)
        return np.full(len(self.item_factors), mean) if self._item_bias is None else self._item_bias + mean

    def _scores(self, factors: Block, user_bias: NDArray[np.float32] | None) -> Block:
        scores = np.asarray(factors @ self.item_factors.T, dtype=np.float32)
        if self._item_bias is not None or self.spec.global_mean:
            scores += self.baseline()
        if user_bias is not None:
            scores += user_bias[:, None]
        return scores


class ItemWeights(UserScorer):
    """The history times a films x films matrix: item-KNN and EASE."""

    def __init__(self, spec: ItemWeightsSpec, arrays: Arrays) -> None:
        self._spec = spec
        self._dense = arrays[spec.dense] if spec.dense else None
        self._rows = arrays[spec.rows] if spec.rows else None
        self._sparse = sparse_array(arrays, spec.sparse) if spec.sparse else None

    def folded(self, ratings: sp.csr_matrix) -> Block:
        weights = with_data(ratings, self.weights(ratings.data))
        if self._sparse is not None:
            return np.asarray((weights @ self._sparse).toarray(), dtype=np.float32)
        assert self._dense is not None
        if self._rows is None:
            return gather(self._dense, weights)
        scores = np.zeros(ratings.shape, dtype=np.float32)
        scores[:, self._rows] = gather(self._dense, weights[:, self._rows])
        return scores

    def weights(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much each rating of a history counts."""
        return profile_weights(stars, self._spec.profile_weight)

    def between(self, films: Rows, candidates: Rows) -> Block:
        """(f, c) what each of the `films` (f,) in a history adds to the score of the `candidates` (c,)."""
        if self._sparse is not None:
            return np.asarray(self._sparse[films][:, candidates].toarray(), dtype=np.float32)
        assert self._dense is not None
        if self._rows is None:
            return np.asarray(self._dense[np.ix_(films, candidates)])
        line = np.full(int(max(self._rows.max(), films.max(initial=0), candidates.max(initial=0))) + 1, UNKNOWN)
        line[self._rows] = np.arange(len(self._rows))
        i, j = line[films], line[candidates]
        return np.where((i >= 0)[:, None] & (j >= 0), self._dense[np.ix_(i, j)], np.float32(0))


class Ensemble(UserScorer):
    """Weighted sum of z-scored members; the statistics cover the films that are not in the person's history."""

    def __init__(self, spec: EnsembleSpec, arrays: Arrays) -> None:
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


def profile_weights(ratings: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """How much each rating (in stars) of a history counts; see SimilaritySpec.profile_weight."""
    match how:
        case "binary":
            weights = np.ones_like(ratings)
        case "likes":
            weights = (ratings >= LIKE_THRESHOLD).astype(np.float32)
        case "rating":
            weights = ratings / np.float32(RATING_MAX)
        case _:
            weights = ratings - np.float32(3.0)
    return np.asarray(weights, dtype=np.float32)
