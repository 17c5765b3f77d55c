"""Read a file of a published split, of lists or of predictions, in any of the forms that are in use."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recommender.errors import MissingInputError
from recommender.schema import MOST_STARS, MOVIE, RATING, TIMESTAMP, USER
from training.splits.array_rows import NPY, ZIP, read_array
from training.splits.text_rows import read_text

_KEPT_FILES = 5  # train, valid, test, lists and predictions: each is read once, though several steps ask for it
_INT32, _EXACT = 2**31, 2**53


@dataclass(frozen=True)
class PairsFile:
    """A file's rows of user_id, movie_id, rating and timestamp in its order, and its sha256.

    A missing rating is five stars, a missing time is 0. Ids are int32, int64 where they need it, or a category of str.
    """

    rows: pd.DataFrame
    sha256: str


def read_file(path: Path, *, ranked: bool = False) -> PairsFile:
    """Read a file, or return it as it was read last where it is the same. `ranked`: it holds lists.

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
