"""Judge anybody's ranked lists under every convention in use: why one list has several nDCGs, recalls and MAPs.

m is the number of users, K the longest list length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import MOVIE, RATING, USER
from training.evaluation.metrics import LIST_METRICS, CumulativeHits, Lists, Values, discounts
from training.kernels.hits import find_hits
from training.splits.pairs import read_pairs

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Convention:
    """A metric in one of its published forms. `pooled`: one ratio of sums over users in the place of a mean."""

    metric: str
    formula: str
    used_by: str
    numerator: Callable[[CumulativeHits, int], Values]
    denominator: Callable[[CumulativeHits, int], Values] | None = None  # of a pooled metric

    def value(self, sums: CumulativeHits, k: int) -> float:
        """Return the metric of lists of length k over all users of `sums`."""
        if self.denominator is None:
            return float(self.numerator(sums, k).mean())
        return float(self.numerator(sums, k).sum() / self.denominator(sums, k).sum())


def _ndcg_full_ideal(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.gain[:, k - 1] / sums.ideal[k])


def _ndcg_uncut_ideal(sums: CumulativeHits, k: int) -> Values:
    ideal = np.cumsum(discounts(int(sums.relevant.max())))
    return np.asarray(sums.gain[:, k - 1] / ideal[sums.relevant.astype(np.int64) - 1])


def _hits(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.hits[:, k - 1])


def _most_hits(sums: CumulativeHits, k: int) -> Values:
    return np.minimum(sums.relevant, k)


CONVENTIONS = (
    Convention("nDCG", "ideal over min(k, relevant)", "Mult-VAE, implicit, recommenders, here", LIST_METRICS["ndcg"]),
    Convention("nDCG", "ideal over k, however few are relevant", "RecTools by default", _ndcg_full_ideal),
    Convention("nDCG", "ideal over all relevant, not cut", "lists cut before an uncut trec_eval", _ndcg_uncut_ideal),
    Convention("recall", "hits / relevant", "recommenders, RecBole, here", LIST_METRICS["recall"]),
    Convention("recall", "hits / min(k, relevant)", "Mult-VAE and its tables", LIST_METRICS["recall_capped"]),
    Convention("recall", "all hits / sum of min(k, relevant)", "implicit, as precision", _hits, _most_hits),
    Convention("precision", "hits / k", "recommenders, RecBole, here", LIST_METRICS["precision"]),
    Convention("MAP", "sum / min(k, relevant)", "implicit, RecBole, here", LIST_METRICS["map"]),
    Convention("MAP", "sum / relevant", "trec_eval, the recommenders table", LIST_METRICS["map_by_relevant"]),
    Convention("MRR", "1 / rank of the first hit", "everybody", LIST_METRICS["mrr"]),
    Convention("hit rate", "lists with a hit", "everybody", LIST_METRICS["hit_rate"]),
)


@dataclass(frozen=True)
class Score:
    """One figure: `masked`: training items were removed from the lists; `all_users`: also users without test items."""

    k: int
    convention: Convention
    masked: bool
    all_users: bool
    value: float


@dataclass(frozen=True)
class Judged:
    """Lists as rows of items (m, L), padded with -1, with the test items and the training items of the same users."""

    lists: Lists
    relevant: sp.csr_matrix  # (m, n_items)
    train: sp.csr_matrix | None

    @property
    def without_list(self) -> int:
        """Return the number of users with test items and no list: they count as lists without a hit."""
        return int(((self.lists[:, 0] < 0) & (np.diff(self.relevant.indptr) > 0)).sum())

    @property
    def without_relevant(self) -> int:
        """Return the number of users without test items."""
        return int((np.diff(self.relevant.indptr) == 0).sum())

    def scores(self, ks: Sequence[int]) -> Iterator[Score]:
        """Yield every metric by every convention, for every list length."""
        for masked in (False, True) if self.train is not None else (False,):
            lists = self._without_training_items() if masked else self.lists
            for all_users in (False, True) if self.without_relevant else (False,):
                sums = self._sums(lists, max(ks), all_users)
                for convention in CONVENTIONS:
                    yield from (Score(k, convention, masked, all_users, convention.value(sums, k)) for k in ks)

    def _sums(self, lists: Lists, longest: int, all_users: bool) -> CumulativeHits:
        counts = np.diff(self.relevant.indptr)
        users = np.arange(len(counts)) if all_users else np.flatnonzero(counts)
        padded = np.full((len(users), longest), -1, dtype=np.int32)
        padded[:, : lists.shape[1]] = lists[users, :longest]
        return CumulativeHits(find_hits(padded, self.relevant[users]), np.maximum(counts[users], 1))

    def _without_training_items(self) -> Lists:
        """Return the lists without each user's training items; the items behind move up."""
        assert self.train is not None
        is_trained = find_hits(self.lists, self.train)
        order = np.argsort(is_trained, axis=1, kind="stable")
        moved = np.take_along_axis(np.where(is_trained, -1, self.lists), order, axis=1)
        return np.ascontiguousarray(moved)


def read_judged(lists: Path, test: Path, train: Path | None = None, *, like: float | None = None) -> Judged:
    """Read lists and the parts of a split; `like`: least rating of a relevant test row (default: every row is).

    Lists are one line a user, `user item item ...`, or rows of user, item and perhaps a score: the best first, or by
    score. Users are those of the lists and of the test part. Raises DataError and MissingInputError.
    """
    listed, tested = read_pairs(lists, ranked=True), read_pairs(test)
    tested = tested if like is None else tested[tested[RATING] >= np.float32(like)]
    if tested.empty:
        raise DataError(f"Expected test rows with a rating of at least {like:g} in {test}; there are none.")
    trained = read_pairs(train) if train else listed[:0]
    tables = (listed, tested, trained)
    user_codes, item_codes = ([table[column].astype("str") for table in tables] for column in (USER, MOVIE))
    users = pd.Index(pd.concat(user_codes[:2]).unique())
    items = pd.Index(pd.concat(item_codes).unique())
    rows = [users.get_indexer(codes) for codes in user_codes]
    columns = [items.get_indexer(codes) for codes in item_codes]
    shape = (len(users), len(items))
    known = rows[2] >= 0
    return Judged(
        _ranked(rows[0], columns[0], listed[RATING].to_numpy(), len(users)),
        _marks(rows[1], columns[1], shape),
        _marks(rows[2][known], columns[2][known], shape) if train else None,
    )


def _ranked(rows: Rows, columns: Rows, scores: NDArray[np.float32], n_users: int) -> Lists:
    """Return each user's items by descending score, ties in the order of the file: (n_users, L), padded with -1."""
    order = np.lexsort((np.arange(len(rows)), -scores, rows))
    counts = np.bincount(rows, minlength=n_users)
    starts = np.cumsum(counts) - counts
    lists = np.full((n_users, max(1, counts.max())), -1, dtype=np.int32)
    lists[rows[order], np.arange(len(rows)) - starts[rows[order]]] = columns[order]
    return lists


def _marks(rows: Rows, columns: Rows, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a matrix with an entry for each distinct pair."""
    return sp.csr_matrix(sp.coo_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape))
