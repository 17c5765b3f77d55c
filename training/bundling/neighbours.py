"""Prebuilt lists of the most similar films of every film."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.scoring.blocks import Arrays, Block, Rows
from recommender.scoring.scorers import item_scorer
from recommender.scoring.specs import ItemSpec, SimilaritySpec
from training.kernels.threads import Scratch
from training.kernels.topk import all_top_k

LENGTH = 100  # films in each list: the most that the service shows

Similarity = Callable[[Rows], Block]


class Nearest(NamedTuple):
    """The most similar films of each film, best first: `rows` (n, k) padded with -1 and `scores` (n, k)."""

    rows: NDArray[np.int32]
    scores: NDArray[np.float32]


def nearest(spec: ItemSpec, arrays: Arrays, canonical: NDArray[np.int32]) -> Nearest:
    """Return the `LENGTH` most similar films of every film by `spec`.

    A film's list leaves out the film, the entry that stands for it, and all second entries; `canonical`: (n,).
    """
    n = len(canonical)
    similarity = _similarity(spec, arrays)
    second_entries = np.flatnonzero(canonical != np.arange(n))

    def scores(rows: Rows) -> Block:
        block = similarity(rows)
        block[:, second_entries] = -np.inf
        block[np.arange(len(rows)), canonical[rows]] = -np.inf
        return block

    return Nearest(*all_top_k(scores, n, min(LENGTH, n - 1)))


def _similarity(spec: ItemSpec, arrays: Arrays) -> Similarity:
    """Return a function from rows (b,) to their scores (b, n), a block that may be overwritten."""
    if isinstance(spec, SimilaritySpec) and all(part.embedding for part in spec.parts):
        return one_product(*joined(spec, arrays))
    return item_scorer(spec, arrays).similar


def joined(spec: SimilaritySpec, arrays: Arrays) -> tuple[Block, Block]:
    """Return query and candidate embeddings, (n, d) each, whose products are the sums over all parts of `spec`."""
    queries, candidates = [], []
    for part in spec.parts:
        embedding = arrays[str(part.embedding)]
        by_query = arrays[part.query_gain][:, None] if part.query_gain else 1.0
        by_candidate = arrays[part.candidate_gain][:, None] if part.candidate_gain else 1.0
        queries.append(embedding * (part.weight * by_query))
        candidates.append(embedding * by_candidate)
    return np.hstack(queries), np.hstack(candidates)


def one_product(queries: Block, candidates: Block) -> Similarity:
    """Return a function from rows (b,) to their products (b, n) with all candidates; each thread reuses one block."""
    scratch = Scratch()

    def similarity(rows: Rows) -> Block:
        return np.matmul(queries[rows], candidates.T, out=scratch.block("similarity", len(rows), len(candidates)))

    return similarity
