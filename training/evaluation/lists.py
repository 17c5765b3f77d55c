"""Top-k lists over the whole catalogue from a loaded model, in blocks: for users, and of items similar to queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model
from training.evaluation.metrics import Lists
from training.kernels.hits import find_hits
from training.kernels.threads import thread_map
from training.kernels.topk import BLOCK_CELLS, Block, top_k
from training.progress import Progress

Rows = NDArray[np.int64]
DEPTH = 200  # neighbours of an item from which lists without masked items are cut
SMALL_BLOCKS = 256  # rows of a block at the most: enough for the matrix product to run at full speed


@dataclass(frozen=True)
class Queries:
    """Query items, each asked for one user who likes it; sorted by item."""

    users: Rows  # (q,) user rows
    items: Rows  # (q,) item rows, ascending


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
    """Return the top k items (u, k) for each user row of `users`: best first, ties by item row, padded with -1.

    `history`, `masked`: (n_users, n_movies), what the model sees of each user and which items lists leave out;
    `folded`: the model knows these users by their history alone.
    """
    scorer, stars = model.user_scorer, model.stars(history)

    def rank(block: slice) -> Lists:
        rows = users[block]
        block_history = stars[rows]
        scores = scorer.folded(block_history) if folded else scorer.known(rows, block_history)
        _exclude(scores, masked[rows])
        return top_k(scores, k)[0]

    return _in_blocks(rank, (len(users), masked.shape[1], k), progress, "ranking films for people")


@dataclass(frozen=True)
class SimilarLists:
    """Lists of similar items, best first, padded with -1; never the query item nor a duplicate of it."""

    items: Rows  # (f,) the distinct query items, ascending
    unmasked: Lists  # (f, k) for each distinct item, whoever asks
    masked: Lists  # (q, k) for each query, without the masked items of the query's user


def similar_lists(model: Model, queries: Queries, masked: sp.csr_matrix, k: int, progress: Progress) -> SimilarLists:
    """Return the k items most similar to each query item, with and without the items that its user has rated.

    `masked`: (n_users, n_movies) the items to leave out. Queries about one item share one scoring. Most users have
    rated few of an item's best DEPTH neighbours, so their lists are cut from those; the others' are ranked anew.
    """
    items, starts = np.unique(queries.items, return_index=True)
    stops = np.append(starts[1:], len(queries.items))
    masked_lists = np.empty((len(queries.items), k), dtype=np.int32)

    def rank(block: slice) -> Lists:
        scores = _similarity_scores(model, items[block])
        neighbours = top_k(scores, min(max(DEPTH, k), scores.shape[1]))[0]
        block_queries = slice(starts[block.start], stops[block.stop - 1])
        score_row = np.repeat(np.arange(len(scores)), (stops - starts)[block])  # of each query of the block
        query_masked = masked[queries.users[block_queries]]
        masked_lists[block_queries], is_short = _without_masked(neighbours[score_row], query_masked, k)
        for query in np.flatnonzero(is_short):
            query_scores = scores[[score_row[query]]]
            _exclude(query_scores, query_masked[[query]])
            masked_lists[block_queries.start + query] = top_k(query_scores, k)[0][0]
        return neighbours[:, :k]

    unmasked = _in_blocks(rank, (len(items), len(model.movie_ids), k), progress, "ranking films for films")
    return SimilarLists(items, unmasked, masked_lists)


def _without_masked(lists: Lists, masked: sp.csr_matrix, k: int) -> tuple[Lists, NDArray[np.bool_]]:
    """Return the first k unmasked items of each list (q, d), and which lists (q,) ran out of them too early.

    `masked`: (q, n_movies). A list that holds every item there is (it ends in padding) does not count as too short.
    """
    is_masked = find_hits(lists, masked)
    order = np.argsort(is_masked, axis=1, kind="stable")[:, :k]
    cut = np.take_along_axis(lists, order, axis=1)
    cut_is_masked = np.take_along_axis(is_masked, order, axis=1)
    cut[cut_is_masked] = -1
    is_complete = lists[:, -1] < 0
    return cut, cut_is_masked.any(axis=1) & ~is_complete


def _similarity_scores(model: Model, items: Rows) -> Block:
    """Return the scores of all items for each query item; its own and those of its duplicates are -inf."""
    scores = model.item_scorer.similar(items)
    canonical = model.catalog.canonical
    scores[canonical[items][:, None] == canonical[None, :]] = -np.inf
    return scores


def _exclude(scores: Block, masked: sp.csr_matrix) -> None:
    """Set the scores (b, n_movies) of masked items to -inf, in place."""
    rows = np.repeat(np.arange(len(scores)), np.diff(masked.indptr))
    scores[rows, masked.indices] = -np.inf


def _in_blocks(rank: Callable[[slice], Lists], sizes: tuple[int, int, int], progress: Progress, what: str) -> Lists:
    """Return the lists of rows 0..m-1; each thread holds one block of scores over n items at a time.

    `sizes`: m, n, and the length of a list.
    """
    m, n, k = sizes
    step = int(np.clip(BLOCK_CELLS // max(n, 1), 1, SMALL_BLOCKS))
    blocks = [slice(start, min(start + step, m)) for start in range(0, m, step)]
    lists = np.empty((m, k), dtype=np.int32)
    with thread_map() as run:
        for block, block_lists in zip(blocks, run(rank, blocks), strict=True):
            lists[block] = block_lists
            progress(what, block.stop / m)
    return lists
