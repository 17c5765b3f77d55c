"""Read a file of a published split, of lists or of predictions, in any of the forms that are in use.

NumPy's files hold rows, named columns, lists, or a sparse matrix; nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError, MissingInputError
from recommender.schema import MOST_STARS, MOVIE, RATING, TIMESTAMP, USER
from training.datasets.readers.layout import header_key
from training.splits.text_rows import COLUMNS, NAMES, Columns, read_text

_KEPT_FILES = 5  # train, valid, test, lists and predictions: each is read once, though several steps ask for it
_INT32, _EXACT = 2**31, 2**53
NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
_EXPECTED = (
    "an array of rows (n, 2 to 4) of user, item, rating and time; one with named fields; in .npz these as arrays named "
    "user and item, or a sparse matrix (users, items) of scipy"
)
_PADDING = -1  # behind the last item of a list
_UNREADABLE = (ValueError, EOFError, OSError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error)

Array = NDArray[Any]


@dataclass(frozen=True)
class PairsFile:
    """A file's rows of user_id, movie_id, rating and timestamp in its order, and its sha256.

    A missing rating is five stars, a missing time is 0. Ids are int32, int64 where they need it, or a category of str.
    """

    rows: pd.DataFrame
    sha256: str


def read_file(path: Path, *, ranked: bool = False) -> PairsFile:
    """Read a file; unchanged files read before are served from a cache. `ranked`: it holds lists.

    Nothing is unpickled. Raises MissingInputError, or DataError, which says what was expected and names the line.
    """
    if not path.exists() or path.is_dir():
        raise MissingInputError(f"{path} is not there. Name the split's files with --train, --valid and --test.")
    status = path.stat()
    is_file = stat.S_ISREG(status.st_mode)  # a pipe can be read but once, and its times change
    return _read(path, (status.st_ino, *((status.st_mtime_ns, status.st_size) if is_file else ())), ranked)


def read_pairs(path: Path, *, ranked: bool = False) -> pd.DataFrame:
    """Return the rows of a file; see `read_file`. They are shared and not to be changed."""
    return read_file(path, ranked=ranked).rows


@lru_cache(maxsize=_KEPT_FILES)
def _read(path: Path, version: tuple[int, ...], ranked: bool) -> PairsFile:
    data = path.read_bytes()
    is_array = data.startswith((NPY, ZIP))
    columns = read_array(data, path, ranked=ranked) if is_array else read_text(data, path, ranked=ranked)
    n = len(columns[USER])
    if not n:
        raise MissingInputError(f"{path} holds no row.")
    rows = pd.DataFrame(
        {
            USER: _ids(columns[USER]),
            MOVIE: _ids(columns[MOVIE]),
            RATING: np.asarray(columns.get(RATING, np.full(n, MOST_STARS)), dtype=np.float32),
            TIMESTAMP: np.asarray(columns.get(TIMESTAMP, np.zeros(n)), dtype=np.int64),
        }
    )
    return PairsFile(rows, hashlib.sha256(data).hexdigest())


def _ids(values: Any) -> pd.Series:
    """Return ids as a column: numbers as they are, in int32 where they fit."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        is_small = values.max(initial=0) < _INT32
        if is_small or values.max() < _EXACT:
            return pd.Series(values.astype(np.int32 if is_small else np.int64))
    return id_column(pd.Series(values).astype("str"))


def id_column(texts: pd.Series) -> pd.Series:
    """Return ids as whole numbers where all are plain decimals below 2^53, else as a category in byte order."""
    if texts.str.fullmatch(r"0|[1-9][0-9]*").all() and texts.str.len().max() <= 16:
        numbers = texts.astype("int64")
        if numbers.max() < _INT32:
            return numbers.astype("int32")
        if numbers.max() < _EXACT:
            return numbers
    return texts.astype(pd.CategoricalDtype(pd.Index(sorted(texts.unique()), dtype="str")))


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
    """Return the named arrays as columns; items of shape (m, L) with users (m,) are lists."""
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
