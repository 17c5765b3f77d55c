"""Terms of item similarity: cosine of an embedding, or a sparse matrix; see SimilarityPart."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import scipy.sparse as sp

from recommender.scoring.blocks import Arrays, Block, Rows, gather, sparse_array, with_data
from recommender.scoring.specs import SimilarityPart


class Term(ABC):
    """One part of a Similarity, with its weight."""

    def __init__(self, name: str, weight: float, n_movies: int) -> None:
        self.name = name
        self.n_movies = n_movies
        self._weight = np.float32(weight)

    @abstractmethod
    def scores(self, weights: sp.csr_matrix) -> Block:
        """Return the sum (b, n) of the films' similarities to each row's query films, weighted by `weights` (b, n)."""

    def add_scores(self, weights: sp.csr_matrix, total: Block) -> None:
        """Add the scores to `total` (b, n)."""
        total += self.scores(weights)

    @abstractmethod
    def between(self, queries: Rows, candidates: Rows) -> Block:
        """Return this term's similarity (q, c) of the films `candidates` (c,) to the films `queries` (q,)."""


class EmbeddingTerm(Term):
    """Cosine similarity of rows of an embedding, times gains of the query and of the candidate."""

    def __init__(self, spec: SimilarityPart, embedding: Block, arrays: Arrays) -> None:
        super().__init__(spec.name, spec.weight, len(embedding))
        self._embedding = embedding
        self._query_gain = arrays[spec.query_gain] if spec.query_gain else None
        self._candidate_gain = arrays[spec.candidate_gain] if spec.candidate_gain else None

    def scores(self, weights: sp.csr_matrix) -> Block:
        if self._query_gain is not None:
            weights = with_data(weights, weights.data * self._query_gain[weights.indices])
        scores = np.asarray(gather(self._embedding, weights) @ self._embedding.T)
        scores *= self._weight if self._candidate_gain is None else self._weight * self._candidate_gain
        return np.asarray(scores, dtype=np.float32)

    def between(self, queries: Rows, candidates: Rows) -> Block:
        similarity = self._embedding[queries] @ self._embedding[candidates].T * self._weight
        if self._query_gain is not None:
            similarity = similarity * self._query_gain[queries][:, None]
        if self._candidate_gain is not None:
            similarity = similarity * self._candidate_gain[candidates]
        return np.asarray(similarity, dtype=np.float32)


class SparseTerm(Term):
    """Similarities stored in a sparse matrix (n, n)."""

    def __init__(self, spec: SimilarityPart, matrix: sp.csr_matrix) -> None:
        super().__init__(spec.name, spec.weight, matrix.shape[0])
        self._matrix = matrix

    def scores(self, weights: sp.csr_matrix) -> Block:
        total = np.zeros(weights.shape, dtype=np.float32)
        self.add_scores(weights, total)
        return total

    def add_scores(self, weights: sp.csr_matrix, total: Block) -> None:
        scores = weights @ self._matrix  # only its entries are added: a dense block would be mostly zeros
        total[np.repeat(np.arange(len(total)), np.diff(scores.indptr)), scores.indices] += scores.data * self._weight

    def between(self, queries: Rows, candidates: Rows) -> Block:
        similarity = self._matrix[queries][:, candidates].toarray() * self._weight
        return np.asarray(similarity, dtype=np.float32)


def similarity_term(part: SimilarityPart, arrays: Arrays) -> Term:
    """Return the term that a part of a SimilaritySpec describes."""
    if part.embedding:
        return EmbeddingTerm(part, arrays[part.embedding], arrays)
    assert part.sparse is not None, "a part has an embedding or a sparse matrix"
    return SparseTerm(part, sparse_array(arrays, part.sparse))
