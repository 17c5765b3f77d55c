"""Judge anybody's ranked lists and predicted ratings under every convention in use.

One list has several nDCGs, recalls and MAPs, and one set of predictions two errors: over all rows, or by user. m is the
number of users, K the longest list length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import MOVIE, RATING, USER
from training.evaluation.metrics import LIST_METRICS, CumulativeHits, Lists, Values
from training.kernels.hits import discounts, find_hits
from training.kernels.ordering import positions
from training.splits.pairs import read_pairs

Rows = NDArray[np.int64]
POOLED, BY_USER = "over all rows", "mean over users"


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


def _ndcg_uncut_ideal(sums: CumulativeHits, k: int) -> Values:
    ideal = np.cumsum(discounts(int(sums.relevant.max())))
    return np.asarray(sums.gain[:, k - 1] / ideal[sums.relevant.astype(np.int64) - 1])


def _ndcg_full_ideal(sums: CumulativeHits, k: int) -> Values:
    return np.asarray(sums.gain[:, k - 1] / sums.ideal[k])


CONVENTIONS = (
    Convention("nDCG", "ideal over min(k, relevant)", "Mult-VAE, implicit, recommenders, here", LIST_METRICS["ndcg"]),
    Convention("nDCG", "ideal over k, however few are relevant", "RecTools by default", _ndcg_full_ideal),
    Convention("nDCG", "ideal over all relevant, not cut", "lists cut before an uncut trec_eval", _ndcg_uncut_ideal),
    Convention("recall", "hits / relevant", "recommenders, RecBole, here", LIST_METRICS["recall"]),
    Convention("recall", "hits / min(k, relevant)", "Mult-VAE and its tables", LIST_METRICS["recall_capped"]),
    Convention(
        "recall",
        "all hits / sum of min(k, relevant)",
        "implicit, as precision",
        lambda sums, k: sums.hits[:, k - 1],
        lambda sums, k: np.minimum(sums.relevant, k),
    ),
    Convention("precision", "hits / k", "recommenders, RecBole, here", LIST_METRICS["precision"]),
    Convention("MAP", "sum / min(k, relevant)", "implicit, RecBole, here", LIST_METRICS["map"]),
    Convention("MAP", "sum / relevant", "trec_eval, the recommenders table", LIST_METRICS["map_by_relevant"]),
    Convention("MRR", "1 / rank of the first hit", "everybody", LIST_METRICS["mrr"]),
    Convention("hit rate", "lists with a hit", "everybody", LIST_METRICS["hit_rate"]),
)


# Which items lists are judged without, and which users count, with whose tables do so.
AS_GIVEN, WITHOUT_TRAIN, WITHOUT_VALID = "as given", "train", "train+valid"
MASKS = {
    AS_GIVEN: "trec_eval, RecTools: lists are judged as they come",
    WITHOUT_TRAIN: "Mult-VAE, LightGCN, implicit, recommenders by default",
    WITHOUT_VALID: "RecBole: what training and validation hold is no candidate",
}
TESTED, LISTED, EVERYBODY = "with test rows", "with test rows and a list", "all"
USERS = {
    TESTED: "here, implicit, RecBole, LightFM by default; without a list: 0",
    LISTED: "recommenders: only users of both tables count",
    EVERYBODY: "LightFM with preserve_rows: without test rows: 0",
}


@dataclass(frozen=True)
class Score:
    """One figure: which items were removed from the lists, by name of MASKS, and which users count, of USERS."""

    k: int
    convention: Convention
    mask: str
    users: str
    value: float


@dataclass(frozen=True)
class Judged:
    """Lists as rows of items (m, L), padded with -1, with the test items of the same users.

    `masks`: matrices (m, n_items) of the items that lists are also judged without, by name of MASKS.
    """

    lists: Lists
    relevant: sp.csr_matrix  # (m, n_items)
    masks: Mapping[str, sp.csr_matrix]

    @property
    def without_list(self) -> int:
        """Return the number of users with test items and no list: they count as lists without a hit."""
        return int((self._is_tested & ~self._has_list).sum())

    @property
    def without_relevant(self) -> int:
        """Return the number of users without test items."""
        return int((~self._is_tested).sum())

    def scores(self, ks: Sequence[int]) -> Iterator[Score]:
        """Yield every metric by every convention, for every list length."""
        groups = {TESTED: self._is_tested}
        groups |= {LISTED: self._is_tested & self._has_list} if self.without_list else {}
        groups |= {EVERYBODY: np.ones_like(self._is_tested)} if self.without_relevant else {}
        for mask in (AS_GIVEN, *self.masks):
            lists = self.lists if mask == AS_GIVEN else _without(self.lists, self.masks[mask])
            for name, group in groups.items():
                if not group.any():
                    continue
                sums = self._sums(lists, max(ks), np.flatnonzero(group))
                for rule in CONVENTIONS:
                    yield from (Score(k, rule, mask, name, rule.value(sums, k)) for k in ks)

    @property
    def _is_tested(self) -> NDArray[np.bool_]:
        return np.asarray(np.diff(self.relevant.indptr) > 0)

    @property
    def _has_list(self) -> NDArray[np.bool_]:
        return np.asarray(self.lists[:, 0] >= 0)

    def _sums(self, lists: Lists, longest: int, users: Rows) -> CumulativeHits:
        padded = np.full((len(users), longest), -1, dtype=np.int32)
        padded[:, : lists.shape[1]] = lists[users, :longest]
        relevant = np.diff(self.relevant.indptr)[users]
        return CumulativeHits(find_hits(padded, self.relevant[users]), np.maximum(relevant, 1))


def _without(lists: Lists, masked: sp.csr_matrix) -> Lists:
    """Return the lists without each user's masked items; the items behind move up."""
    is_masked = find_hits(lists, masked)
    order = np.argsort(is_masked, axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(np.where(is_masked, -1, lists), order, axis=1))


def read_judged(
    lists: Path, test: Path, train: Path | None = None, valid: Path | None = None, *, like: float | None = None
) -> Judged:
    """Read lists and the parts of a split; `like`: least rating of a relevant test row (default: every row is).

    Lists are one line a user, `user item item ...`, or rows of user, item and perhaps a score: the best first, or by
    score. Users are those of the lists and of the test part. Raises DataError and MissingInputError.
    """
    listed, tested = read_pairs(lists, ranked=True), read_pairs(test)
    tested = tested if like is None else tested[tested[RATING] >= np.float32(like)]
    if tested.empty:
        raise DataError(f"Expected test rows with a rating of at least {like:g} in {test}; there are none.")
    seen = [read_pairs(path) for path in (train, valid) if path]
    codes = [_codes([listed, tested, *seen], column) for column in (USER, MOVIE)]
    # Rows of the matrices are the users of the lists and the test part alone, which come first.
    n_users = max(int(codes[0][0].max()), int(codes[0][1].max())) + 1
    shape = (n_users, max(int(of_table.max()) for of_table in codes[1]) + 1)
    parts = [_marks(users, items, shape) for users, items in zip(codes[0][1:], codes[1][1:], strict=True)]
    masks = {WITHOUT_TRAIN: parts[1]} if train else {}
    if train and valid:
        masks[WITHOUT_VALID] = (parts[1] + parts[2]).astype(bool).astype(np.float32)
    return Judged(_ranked(codes[0][0], codes[1][0], listed[RATING].to_numpy(), n_users), parts[0], masks)


def _codes(tables: Sequence[pd.DataFrame], column: str) -> list[Rows]:
    """Return the ids of a column as numbers from 0 by first appearance over all tables, for each table."""
    kinds = {table[column].dtype.kind for table in tables}
    ids = [table[column] if kinds <= {"i"} else table[column].astype("str") for table in tables]
    codes = pd.factorize(pd.concat(ids, ignore_index=True))[0].astype(np.int64)
    return np.split(codes, np.cumsum([len(table) for table in tables])[:-1])


def _ranked(rows: Rows, columns: Rows, scores: NDArray[np.float32], n_users: int) -> Lists:
    """Return each user's items by descending score, ties in the order of the file: (n_users, L), padded with -1."""
    ranks = positions(rows, -scores)
    lists = np.full((n_users, int(ranks.max(initial=0)) + 1), -1, dtype=np.int32)
    lists[rows, ranks] = columns
    return lists


def _marks(rows: Rows, columns: Rows, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a matrix with an entry for each distinct pair; rows beyond its shape are left out."""
    in_shape = rows < shape[0]
    entries = (np.ones(int(in_shape.sum()), dtype=np.float32), (rows[in_shape], columns[in_shape]))
    return sp.csr_matrix(sp.coo_matrix(entries, shape=shape))


@dataclass(frozen=True)
class RatingConvention:
    """An error of predicted ratings in one of its published forms."""

    metric: str
    formula: str
    used_by: str
    mean: Callable[[Values], float]  # of the errors of one group of rows
    by_user: bool

    def value(self, errors: Values, users: NDArray[np.int64]) -> float:
        """Return the metric of errors (n,) by rows of users 0..m-1 (n,), ascending."""
        if not self.by_user:
            return self.mean(errors)
        return float(np.mean([self.mean(of_user) for of_user in np.split(errors, np.flatnonzero(np.diff(users)) + 1)]))


def _rmse(errors: Values) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def _mae(errors: Values) -> float:
    return float(np.mean(np.abs(errors)))


RATING_CONVENTIONS = (
    RatingConvention("RMSE", POOLED, "Surprise, the Netflix Prize, recommenders, recommenderlab", _rmse, False),
    RatingConvention("RMSE", BY_USER, "LensKit by its guide, rrecsys", _rmse, True),
    RatingConvention("MAE", POOLED, "Surprise, recommenders, recommenderlab", _mae, False),
    RatingConvention("MAE", BY_USER, "LensKit by its guide, rrecsys", _mae, True),
)


@dataclass(frozen=True)
class PredictedRatings:
    """Errors (n,) of predictions by row of users (n,), ascending, and the test rows that nobody predicted."""

    errors: Values
    users: NDArray[np.int64]
    missing: int


def read_predictions(predictions: Path, test: Path) -> PredictedRatings:
    """Read rows of user, item and predicted rating, and the test rows that they are for.

    Test rows without a prediction are counted and left out. Raises DataError where none has one, or one has two.
    """
    predicted, tested = (read_pairs(path)[[USER, MOVIE, RATING]] for path in (predictions, test))
    keys = [USER, MOVIE]
    if predicted.duplicated(keys).any():
        raise DataError(f"Expected one prediction for each user and item in {predictions}; found several.")
    if {predicted[key].dtype.kind for key in keys} | {tested[key].dtype.kind for key in keys} != {"i"}:
        predicted, tested = (table.astype(dict.fromkeys(keys, "str")) for table in (predicted, tested))
    rows = tested.merge(predicted, on=keys, how="left", suffixes=("", "_predicted"))
    has_prediction = rows[f"{RATING}_predicted"].notna()
    if not has_prediction.any():
        raise DataError(f"Expected predictions for the rows of {test} in {predictions}; there are none.")
    predicted_rows = rows[has_prediction].sort_values(USER, kind="stable")
    values = predicted_rows[[f"{RATING}_predicted", RATING]].to_numpy(dtype=np.float64)
    users = pd.factorize(predicted_rows[USER])[0].astype(np.int64)
    return PredictedRatings(values[:, 0] - values[:, 1], users, int((~has_prediction).sum()))
