"""Data sets as plain objects that pandas and scipy alone can unpickle, and back.

pandas keeps texts in Arrow where pyarrow is installed, and could not open them elsewhere: stored texts, names of
columns and categories are Python objects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.ids import IdMap
from training.datasets.dataset import TagMatrix

MATRIX, USER_LABELS, MOVIE_LABELS = "matrix", "user_ids", "movie_ids"
Labels = NDArray[Any]


def labels(ids: IdMap) -> Labels:
    """Return the raw id of each row (n,): int64, or Python strings in an object array."""
    return np.array(ids.raws(np.arange(len(ids))), dtype=object) if ids.is_text else np.asarray(ids.ids, dtype=np.int64)


def plain_matrix(user_item: sp.csr_matrix, user_ids: IdMap, movie_ids: IdMap) -> dict[str, Any]:
    """Return the (n_users, n_movies) matrix with the raw ids of its rows and columns."""
    data = user_item.data.view()
    data.flags.writeable = True  # pandas lends its columns read-only, and what is pickled so is opened so
    matrix = sp.csr_matrix((data, user_item.indices, user_item.indptr), shape=user_item.shape, copy=False)
    return {MATRIX: matrix, USER_LABELS: labels(user_ids), MOVIE_LABELS: labels(movie_ids)}


def plain_tags(tags: TagMatrix, movie_ids: IdMap) -> dict[str, Any]:
    """Return the movie-tag matrix with the raw ids of its rows, the names of its columns and each block's columns."""
    return {
        MATRIX: tags.matrix,
        MOVIE_LABELS: labels(movie_ids),
        "features": list(tags.features),
        "blocks": dict(tags.blocks),
    }


def tags_of(stored: dict[str, Any]) -> TagMatrix:
    """Return the movie-tag matrix that `plain_tags` describes."""
    return TagMatrix(stored[MATRIX], stored["features"], stored["blocks"])


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with texts, categories and column names as Python objects; numbers are not copied."""
    return _frame({str(name): _plain_column(column) for name, column in frame.items()}, frame.index, "object")


def frame_of(stored: pd.DataFrame) -> pd.DataFrame:
    """Return the frame that was stored as `plain_frame`, its texts in pandas' own type again."""
    return _frame({str(name): _own_column(column) for name, column in stored.items()}, stored.index, "str")


def _frame(columns: dict[str, pd.Series], index: pd.Index, names: str) -> pd.DataFrame:
    frame = pd.DataFrame(columns, index=index, copy=False)
    return frame.set_axis(pd.Index(list(columns), dtype=names), axis=1)


def _plain_column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _with_categories(column, "object")
    return column.astype("object") if isinstance(column.dtype, pd.StringDtype) else column


def _own_column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _with_categories(column, "str")
    is_text = column.dtype == "object" and pd.api.types.infer_dtype(column, skipna=True) == "string"
    return column.astype("str") if is_text else column


def _with_categories(column: pd.Series, dtype: str) -> pd.Series:
    categories = pd.CategoricalDtype(column.cat.categories.astype(dtype))
    return pd.Series(pd.Categorical.from_codes(column.cat.codes, dtype=categories), index=column.index)
