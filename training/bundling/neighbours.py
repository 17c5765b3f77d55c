"""The nearest films of every film."""

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

Likeness = Callable[[Rows], Block]


class Nearest(NamedTuple):
    """For each film, the films of the best likeness, best first: `rows` (n, k) padded with -1 and `scores` (n, k)."""

    rows: NDArray[np.int32]
    scores: NDArray[np.float32]


def nearest(spec: ItemSpec, arrays: Arrays, canonical: NDArray[np.int32]) -> Nearest:
    """The `LENGTH` best of every film by `spec`.

    Second entries, the film itself and what stands for it are left out; `canonical`: (n,).
    """
    n = len(canonical)
    likeness = _likeness(spec, arrays)
    second_entries = np.flatnonzero(canonical != np.arange(n))

    def others(rows: Rows) -> Block:
        block = likeness(rows)
        block[:, second_entries] = -np.inf
        block[np.arange(len(rows)), canonical[rows]] = -np.inf
        return block

    return Nearest(*all_top_k(others, n, min(LENGTH, n - 1)))


def _likeness(spec: ItemSpec, arrays: Arrays) -> Likeness:
    """Rows (b,) to a block (b, n) that may be overwritten."""
    if isinstance(spec, SimilaritySpec) and all(part.embedding for part in spec.parts):
        return one_product(*joined(spec, arrays))
    return item_scorer(spec, arrays).similar


def joined(spec: SimilaritySpec, arrays: Arrays) -> tuple[Block, Block]:
    """Films as queries and as candidates, (n, d) each, whose products are the sum over all parts; d: of all parts."""
    queries, candidates = [], []
    for part in spec.parts:
        embedding = arrays[str(part.embedding)]
        by_query = arrays[part.query_gain][:, None] if part.query_gain else 1.0
        by_candidate = arrays[part.candidate_gain][:, None] if part.candidate_gain else 1.0
        queries.append(embedding * (part.weight * by_query))
        candidates.append(embedding * by_candidate)
    return np.hstack(queries), np.hstack(candidates)


def one_product(queries: Block, candidates: Block) -> Likeness:
    """Rows (b,) to their products (b, n) with all candidates, in a block of the thread's own that is used again."""
    scratch = Scratch()

    def likeness(rows: Rows) -> Block:
        return np.matmul(queries[rows], candidates.T, out=scratch.block("likeness", len(rows), len(candidates)))

    return likeness
