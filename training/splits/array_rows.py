"""Columns of a split's .npy or .npz file: rows, named columns, lists, or a sparse matrix. Nothing is unpickled."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.readers.layout import header_key
from training.splits.text_rows import COLUMNS, NAMES, Columns

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
_EXPECTED = (
    "an array of rows (n, 2 to 4) of user, item, rating and time; one with named fields; in .npz these as arrays named "
    "user and item, or a sparse matrix (users, items) of scipy"
)
_PADDING = -1  # behind the last item of a list
_UNREADABLE = (ValueError, EOFError, OSError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error)

Array = NDArray[Any]


def read_array(data: bytes, path: Path, *, ranked: bool) -> Columns:
    """Return the columns of a NumPy file. `ranked`: it holds lists; wide rows are then those of users 0, 1, 2 ...

    Raises DataError, which names the file and what it holds, for objects too: they would have to be unpickled.
    """
    try:
        arrays = _arrays(data)
        columns = _columns(arrays, ranked=ranked)
    except _UNREADABLE as error:
        raise DataError(f"Expected {_EXPECTED} in {path}; it cannot be read without unpickling: {error}") from error
    if columns is None:
        shapes = ", ".join(f"{name} {array.dtype} {array.shape}".strip() for name, array in arrays.items())
        raise DataError(f"Expected {_EXPECTED} in {path}; found {shapes or 'no array'}.")
    return {name: _checked(values, name, path) for name, values in columns.items()}


def _arrays(data: bytes) -> dict[str, Array]:
    """Return the arrays of a file by name, "" for the one of a .npy file."""
    loaded = np.load(io.BytesIO(data), allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"": loaded}
    with loaded:
        if "format" in loaded.files:
            matrix: Any = sp.load_npz(io.BytesIO(data))
            if hasattr(matrix, "check_format"):  # an index out of bounds would be followed in compiled code
                matrix.check_format()
            entries = matrix.tocoo()
            stored = entries.data != 0
            columns = (entries.row[stored], entries.col[stored], entries.data[stored])
            return dict(zip((USER, MOVIE, RATING), columns, strict=True))
        return dict(loaded)


def _columns(arrays: Mapping[str, Array], *, ranked: bool) -> Columns | None:
    """Return the columns that the arrays hold, None where they are of no layout in use."""
    if len(arrays) == 1:
        (array,) = arrays.values()
        if array.dtype.names:
            return _named({name: array[name] for name in array.dtype.names})
        if array.ndim == 2 and 2 <= array.shape[1] <= len(COLUMNS):
            return dict(zip(COLUMNS, array.T, strict=False))
        if ranked and array.ndim == 2:
            return _lists(np.arange(len(array)), array, None)
        return None
    return _named(arrays)


def _named(arrays: Mapping[str, Array]) -> Columns | None:
    """Return arrays named as columns; items (m, L) beside users (m,) are lists."""
    names = [NAMES.get(header_key(name)) for name in arrays]
    if None in names or len(set(names)) < len(names) or not {USER, MOVIE} <= set(names):
        return None
    columns = dict(zip(map(str, names), arrays.values(), strict=True))
    shapes = {array.shape for name, array in columns.items() if name != USER}
    if len(shapes) != 1 or len(shape := shapes.pop()) not in (1, 2) or columns[USER].shape != shape[:1]:
        return None
    return _lists(columns[USER], columns[MOVIE], columns.get(RATING)) if len(shape) == 2 else columns


def _lists(users: Array, items: Array, scores: Array | None) -> Columns:
    """Return a row for each item (m, L) of each user's list that is not padding."""
    is_item = np.ones(items.shape, dtype=bool) if items.dtype.kind in "US" else items != _PADDING
    columns = {USER: np.repeat(users, is_item.sum(axis=1)), MOVIE: items[is_item]}
    return columns if scores is None else columns | {RATING: scores[is_item]}


def _checked(values: Array, name: str, path: Path) -> Array:
    """Return a column as numbers or, for ids, as texts. Raises DataError with the first row that is neither."""
    if values.dtype.kind in "US" and name in (USER, MOVIE):
        return values.astype("U")
    if values.dtype.kind not in "biuf":
        raise DataError(f"Expected numbers as {name} in {path}; found {values.dtype}.")
    if name == RATING:
        is_wrong = ~np.isfinite(values)
    else:
        is_wrong = ~np.isfinite(values) | (values != np.floor(values)) if values.dtype.kind == "f" else values != values
        is_wrong |= values < 0 if name != TIMESTAMP else False
    if is_wrong.any():
        row = int(np.argmax(is_wrong))
        expected = "a number" if name == RATING else "a whole number" + ("" if name == TIMESTAMP else " from 0 on")
        raise DataError(f"Expected {expected} as {name} in {path}, row {row}; found {values[row]}.")
    return values if name == RATING else values.astype(np.int64)
