"""Map raw ids of many ratings to matrix rows: by one table look-up each if the ids are small enough for a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.ids import UNKNOWN, IdMap

_TABLE_LIMIT = 1 << 26
_STEP = 1 << 18  # short slices: they stay in the caches, and numpy copies an int32 index as int64


def distinct_ids(raw: NDArray[np.int32]) -> IdMap:
    """Return the sorted map of the distinct ids in `raw`."""
    limit = int(raw.max(initial=0)) + 1
    if limit > _TABLE_LIMIT:
        return IdMap.from_raw(raw)
    present = np.zeros(limit, dtype=bool)
    for span in slices(len(raw)):
        present[raw[span]] = True
    return IdMap(np.flatnonzero(present))


def rows_of(raw: NDArray[Any] | pd.Series, ids: IdMap) -> NDArray[np.int32]:
    """Return the row of each raw id as int32 (n,), UNKNOWN (-1) for an id that is not in the map.

    `raw`: integers, or text: as a categorical column, of which each category is looked up once.
    """
    if isinstance(raw, pd.Series):
        if isinstance(raw.dtype, pd.CategoricalDtype):
            category_rows = np.append(ids.rows(raw.cat.categories.to_numpy()), UNKNOWN).astype(np.int32)
            return category_rows[raw.cat.codes.to_numpy()]  # code -1, a missing id, takes the last
        raw = raw.to_numpy()
    if ids.is_text:
        return ids.rows(raw).astype(np.int32)
    rows = np.empty(len(raw), dtype=np.int32)
    for span, span_rows in _rows_by_slice(raw, ids):
        rows[span] = span_rows
    return rows


def count_ids(raw: NDArray[Any] | pd.Series, ids: IdMap) -> NDArray[np.int64]:
    """Count how often each id of the map occurs in `raw`, (len(ids),); `raw` holds no other ids."""
    if ids.is_text:
        return np.bincount(rows_of(raw, ids), minlength=len(ids))
    raw = np.asarray(raw)
    counts = np.zeros(len(ids), dtype=np.int64)
    for _, span_rows in _rows_by_slice(raw, ids):
        counts += np.bincount(span_rows, minlength=len(ids))
    return counts


def _rows_by_slice(raw: NDArray[np.int32], ids: IdMap) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Yield slices of `raw` with the rows of the ids in them."""
    limit = int(ids.ids[-1]) + 2 if len(ids) else 1
    table = None
    if limit <= _TABLE_LIMIT:  # the last entry is UNKNOWN, and negative ids index it too
        table = np.full(limit, UNKNOWN, dtype=np.int32)
        table[ids.ids] = np.arange(len(ids), dtype=np.int32)
    for span in slices(len(raw)):
        span_rows = ids.rows(raw[span]) if table is None else table[np.clip(raw[span], -1, limit - 1)]
        yield span, span_rows.astype(np.int32, copy=False)


def rating_matrix(
    users: NDArray[np.int32], movies: NDArray[np.int32], stars: NDArray[np.float32], user_ids: IdMap, movie_ids: IdMap
) -> sp.csr_matrix:
    """Make the (n_users, n_movies) float32 matrix of ratings from raw ids, adding up repeated pairs.

    Indices are sorted within each row. If the ratings are already sorted by user and film, as in most editions, the
    matrix shares the memory of `stars`.
    """
    shape, columns = (len(user_ids), len(movie_ids)), rows_of(movies, movie_ids)
    if not _ascending_pairs(users, columns):
        return sp.csr_matrix(sp.coo_matrix((stars, (rows_of(users, user_ids), columns)), shape=shape).tocsr())
    starts = np.append(np.searchsorted(users, user_ids.ids.astype(np.int32)), len(users)).astype(np.int32)
    matrix = sp.csr_matrix((stars, columns, starts), shape=shape, copy=False)
    matrix.has_canonical_format = True
    return matrix


def _ascending_pairs(users: NDArray[np.int32], columns: NDArray[np.int32]) -> bool:
    """Return whether the pairs strictly ascend by user and column."""
    for span in slices(len(users) - 1):
        later = slice(span.start + 1, min(span.stop, len(users) - 1) + 1)
        earlier = slice(span.start, later.stop - 1)
        same, step = users[later] == users[earlier], columns[later] > columns[earlier]
        if not (np.where(same, step, users[later] > users[earlier])).all():
            return False
    return True


def slices(count: int) -> Iterator[slice]:
    """Yield consecutive slices of range(count), short enough for the processor's caches."""
    return (slice(start, start + _STEP) for start in range(0, count, _STEP))
