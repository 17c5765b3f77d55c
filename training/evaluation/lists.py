"""Full-catalogue lists from a loaded model, in blocks: for people, and for films that people liked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
DEPTH = 200  # neighbours of a film that lists without seen films are cut from
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


@dataclass(frozen=True)
class FilmLists:
    """Films like films, best first, padded with -1; never the film itself nor another entry of it."""

    films: Rows  # (f,) the distinct films that are asked about, ascending
    kept: Lists  # (f, k) as anybody gets them
    masked: Lists  # (q, k) for each query, without the masked films of the query's user


def film_lists(model: Model, queries: Queries, masked: sp.csr_matrix, k: int, progress: Progress) -> FilmLists:
    """Lists of k films for each query; `masked`: (n_users, n_movies) what the second kind leaves out.

    Queries about one film share one scoring. Most people have rated few of a film's best DEPTH neighbours, so their
    lists are cut from those; the others' are ranked anew.
    """
    films, starts = np.unique(queries.films, return_index=True)
    stops = np.append(starts[1:], len(queries.films))
    unseen = np.empty((len(queries.films), k), dtype=np.int32)

    def rank(block: slice) -> Lists:
        scores = _likeness(model, films[block])
        best = top_k(scores, min(max(DEPTH, k), scores.shape[1]))[0]
        asked = slice(starts[block.start], stops[block.stop - 1])
        line_of = np.repeat(np.arange(len(scores)), (stops - starts)[block])
        theirs = masked[queries.users[asked]]
        unseen[asked], short = _without(best[line_of], theirs, k)
        for line in np.flatnonzero(short):
            own = scores[[line_of[line]]]
            _leave_out(own, theirs[[line]])
            unseen[asked.start + line] = top_k(own, k)[0][0]
        return best[:, :k]

    kept = _in_blocks(rank, len(films), len(model.movie_ids), progress, "ranking films for films")
    return FilmLists(films, kept, unseen)


def _without(lists: Lists, masked: sp.csr_matrix, k: int) -> tuple[Lists, NDArray[np.bool_]]:
    """The first k films of each list (q, d) that `masked` (q, n_movies) has not, and where d films were too few."""
    seen = find_hits(lists, masked)
    order = np.argsort(seen, axis=1, kind="stable")[:, :k]
    cut = np.take_along_axis(lists, order, axis=1)
    was_cut = np.take_along_axis(seen, order, axis=1)
    cut[was_cut] = -1
    complete = lists[:, -1] < 0  # every film there is stands in the list
    return cut, was_cut.any(axis=1) & ~complete


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
