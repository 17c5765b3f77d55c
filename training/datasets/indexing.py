"""Raw ids to rows for many ratings at once: one table look-up each where the ids are small enough for a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.ids import UNKNOWN, IdMap
from training.kernels.ordering import places

_TABLE_LIMIT = 1 << 26
_STEP = 1 << 18  # also because indexing by int32 makes an int64 copy of the index


def distinct(raw: NDArray[np.int32]) -> IdMap:
    """Map over the distinct ids in `raw`."""
    limit = int(raw.max(initial=0)) + 1
    if limit > _TABLE_LIMIT:
        return IdMap.from_raw(raw)
    present = np.zeros(limit, dtype=bool)
    for part in parts(len(raw)):
        present[raw[part]] = True
    return IdMap(np.flatnonzero(present))


def rows_of(raw: NDArray[np.int32], ids: IdMap) -> NDArray[np.int32]:
    """(n,) int32 row of each id; UNKNOWN (-1) for an id that is not in the map."""
    rows = np.empty(len(raw), dtype=np.int32)
    for part, found in _rows_by_part(raw, ids):
        rows[part] = found
    return rows


def count_ids(raw: NDArray[np.int32], ids: IdMap) -> NDArray[np.int64]:
    """(len(ids),) how often each id occurs in `raw`, which holds no other."""
    counts = np.zeros(len(ids), dtype=np.int64)
    for _, found in _rows_by_part(raw, ids):
        counts += np.bincount(found, minlength=len(ids))
    return counts


def _rows_by_part(raw: NDArray[np.int32], ids: IdMap) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Parts of `raw` and the rows of their ids."""
    limit = int(ids.ids[-1]) + 2 if len(ids) else 1
    table = _table(ids, limit) if limit <= _TABLE_LIMIT else None
    for part in parts(len(raw)):
        found = ids.rows(raw[part]) if table is None else table[np.clip(raw[part], -1, limit - 1)]
        yield part, found.astype(np.int32, copy=False)


def rating_matrix(
    users: NDArray[np.int32], movies: NDArray[np.int32], stars: NDArray[np.float32], user_ids: IdMap, movie_ids: IdMap
) -> sp.csr_matrix:
    """(n_users, n_movies) float32 ratings, indices sorted within each row, from raw ids; repeated pairs are added up.

    Where the ratings stand by user and film already, as in most editions, the matrix shares the memory of `stars`.
    """
    shape, columns = (len(user_ids), len(movie_ids)), rows_of(movies, movie_ids)
    if not _ascending_pairs(users, columns):
        return sp.csr_matrix(sp.coo_matrix((stars, (rows_of(users, user_ids), columns)), shape=shape).tocsr())
    starts = np.append(np.searchsorted(users, user_ids.ids.astype(np.int32)), len(users)).astype(np.int32)
    matrix = sp.csr_matrix((stars, columns, starts), shape=shape, copy=False)
    matrix.has_canonical_format = True
    return matrix


def entries(users: NDArray[np.int32], movies: NDArray[np.int32]) -> NDArray[np.int32]:
    """(n,) which entry of their `rating_matrix` each rating is; each pair of raw ids stands once."""
    return places(np.lexsort((movies, users)))


def _ascending_pairs(users: NDArray[np.int32], columns: NDArray[np.int32]) -> bool:
    """True when the pairs ascend by user and column, each once."""
    for part in parts(len(users) - 1):
        after = slice(part.start + 1, min(part.stop, len(users) - 1) + 1)
        part = slice(part.start, after.stop - 1)
        same, step = users[after] == users[part], columns[after] > columns[part]
        if not (np.where(same, step, users[after] > users[part])).all():
            return False
    return True


def _table(ids: IdMap, limit: int) -> NDArray[np.int32]:
    """Row of every id below `limit`; the last entry, which a negative id reaches too, is UNKNOWN."""
    table = np.full(limit, UNKNOWN, dtype=np.int32)
    table[ids.ids] = np.arange(len(ids), dtype=np.int32)
    return table


def parts(count: int) -> Iterator[slice]:
    """Slices of 0..count that are small enough for the processor's caches."""
    return (slice(start, start + _STEP) for start in range(0, count, _STEP))
