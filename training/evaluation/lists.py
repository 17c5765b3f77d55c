"""Full-catalogue lists from a loaded model, in blocks: for people, and for films that people liked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model
from training.evaluation.metrics import Lists
from training.kernels.threads import thread_map
from training.kernels.topk import BLOCK_CELLS, Block, top_k
from training.models.base import Progress

Rows = NDArray[np.int64]
SMALL_BLOCKS = 256  # lines of a block at the most: enough for the matrix product to run at full speed


@dataclass(frozen=True)
class Queries:
    """Films that people are known to like: `users` (q,) user row and `films` (q,) film row of each, films ascending."""

    users: Rows
    films: Rows


def user_lists(
    model: Model,
    users: Rows,
    history: sp.csr_matrix,
    masked: sp.csr_matrix,
    k: int,
    *,
    folded: bool,
    progress: Progress,
) -> Lists:
    """(u, k) films for the user rows `users` (u,), best first, ties by film row, padded with -1.

    `history`, `masked`: (n_users, n_movies), what the model is shown of each user and which films lists leave out;
    `folded`: the model knows these people by their history alone.
    """
    scorer = model.user_scorer

    def rank(block: slice) -> Lists:
        rows = users[block]
        shown = history[rows]
        scores = scorer.folded(shown) if folded else scorer.known(rows, shown)
        _leave_out(scores, masked[rows])
        return top_k(scores, k)[0]

    return _in_blocks(rank, len(users), masked.shape[1], progress, "ranking films for people")


def film_lists(model: Model, films: Rows, k: int, progress: Progress) -> Lists:
    """(f, k) films like each of `films` (f,); never the film itself nor another entry of it."""

    def rank(block: slice) -> Lists:
        return top_k(_likeness(model, films[block]), k)[0]

    return _in_blocks(rank, len(films), len(model.movie_ids), progress, "ranking films for films")


def masked_film_lists(model: Model, queries: Queries, masked: sp.csr_matrix, k: int, progress: Progress) -> Lists:
    """(q, k) films like the film of each query, without the films `masked` (n_users, n_movies) of the query's user.

    Queries about one film share one scoring.
    """
    films, starts = np.unique(queries.films, return_index=True)
    stops = np.append(starts[1:], len(queries.films))
    lists = np.empty((len(queries.films), k), dtype=np.int32)
    n = len(model.movie_ids)
    lines_at_once = max(1, BLOCK_CELLS // n)

    def rank(block: slice) -> Lists:
        scores = _likeness(model, films[block])
        first = starts[block.start]
        line_of = np.repeat(np.arange(len(scores)), (stops - starts)[block])
        for start in range(0, len(line_of), lines_at_once):
            some = slice(start, min(start + lines_at_once, len(line_of)))
            own = scores[line_of[some]]
            at = slice(first + some.start, first + some.stop)
            _leave_out(own, masked[queries.users[at]])
            lists[at] = top_k(own, k)[0]
        return lists[:0]

    _in_blocks(rank, len(films), n, progress, "ranking unseen films for films")
    return lists


def _likeness(model: Model, films: Rows) -> Block:
    scores = model.item_scorer.similar(films)
    canonical = model.catalog.canonical
    scores[canonical[films][:, None] == canonical[None, :]] = -np.inf
    return scores


def _leave_out(scores: Block, masked: sp.csr_matrix) -> None:
    lines = np.repeat(np.arange(len(scores)), np.diff(masked.indptr))
    scores[lines, masked.indices] = -np.inf


def _in_blocks(rank: Callable[[slice], Lists], m: int, n: int, progress: Progress, what: str) -> Lists:
    """The lists of lines 0..m-1; each thread holds one block of scores over n films at a time."""
    step = int(np.clip(BLOCK_CELLS // max(n, 1), 1, SMALL_BLOCKS))
    blocks = [slice(start, min(start + step, m)) for start in range(0, m, step)]
    with thread_map() as run:
        return np.concatenate(list(_reported(run(rank, blocks), len(blocks), progress, what)))


def _reported(results: Iterator[Lists], count: int, progress: Progress, what: str) -> Iterator[Lists]:
    for done, result in enumerate(results, start=1):
        progress(what, done / count)
        yield result
