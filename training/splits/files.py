"""Published splits: files of (user, item) pairs read as masks over a data set's ratings, or as a data set."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender import home
from recommender.errors import DataError, MissingInputError, UsageError
from recommender.files import sha256_of
from recommender.films.ids import IdMap
from recommender.schema import (
    ACTORS,
    ALTERNATIVE_TITLES,
    DIRECTORS,
    DUPLICATE_OF,
    GENRES,
    MOVIE,
    ORIGINAL_TITLE,
    RATING_DTYPES,
    RATING_MAX,
    TITLE,
    USER,
    YEAR,
)
from training.datasets.names import is_name
from training.datasets.store import ProcessedDataset, TagMatrix
from training.splits.protocol import FilesSplit, ProtocolConfig

_COLUMNS = list(RATING_DTYPES)


def file_masks(rule: FilesSplit, dataset: ProcessedDataset) -> dict[str, NDArray[np.bool_]]:
    """Return the masks `train`, `test` and `masked` over a data set's ratings that the files of a split name.

    Raises MissingInputError where a file is not there, DataError where files overlap or name other ratings.
    """
    train, test = _rows_of(rule.train, "--train", dataset), _rows_of(rule.test, "--test", dataset)
    valid = _rows_of(rule.valid, "--valid", dataset) if rule.valid else np.zeros_like(train)
    _check_disjoint(train=train, valid=valid, test=test)
    return {"train": train, "test": test, "masked": train | valid if rule.masked == "train+valid" else train}


def validation_file_masks(rule: FilesSplit, dataset: ProcessedDataset) -> dict[str, NDArray[np.bool_]]:
    """Return the masks `train` and `test` with the validation file as the test part.

    Raises MissingInputError where there is no validation file.
    """
    train, valid = _rows_of(rule.train, "--train", dataset), _rows_of(rule.valid, "--valid", dataset)
    _check_disjoint(train=train, valid=valid)
    return {"train": train, "test": valid}


def files_dataset(protocol: ProtocolConfig) -> ProcessedDataset:
    """Build a data set from the files of a published split: their ratings in file order, and items without titles.

    Raises UsageError where `protocol` names no files.
    """
    rule = protocol.split
    if not isinstance(rule, FilesSplit) or rule.train is None or rule.test is None:
        raise UsageError("A data set made of files needs both: give --train FILE and --test FILE.")
    paths = [path for path in (rule.train, rule.valid, rule.test) if path]
    rows = pd.concat([read_pairs(path) for path in paths])
    ratings = rows.drop_duplicates([USER, MOVIE], keep="last").reset_index(drop=True)
    movies = np.unique(ratings[MOVIE].to_numpy())
    fingerprint = hashlib.sha256("".join(sha256_of(path) for path in paths).encode()).hexdigest()
    return ProcessedDataset(
        name=rule.train.parent.name if is_name(rule.train.parent.name) else protocol.name,
        fingerprint=fingerprint,
        movies=_numbered_films(movies),
        ratings=ratings,
        tags=TagMatrix(sp.csr_matrix(np.empty((len(movies), 0), dtype=np.float32)), [], {}),
        user_ids=IdMap.from_raw(ratings[USER].to_numpy()),
        movie_ids=IdMap(movies.astype(np.int64)),
    )


def _numbered_films(movies: NDArray[np.int32]) -> pd.DataFrame:
    titles = pd.Series([f"Item {movie}" for movie in movies], dtype="str")
    empty_lists: pd.Series[Any] = pd.Series([[] for _ in movies], dtype="object")
    return pd.DataFrame(
        {
            MOVIE: movies,
            TITLE: titles,
            ORIGINAL_TITLE: titles,
            YEAR: pd.Series([None] * len(movies), dtype="Int32"),
            DUPLICATE_OF: movies,
            **dict.fromkeys((ALTERNATIVE_TITLES, GENRES, DIRECTORS, ACTORS), empty_lists),
        }
    )


def read_pairs(path: Path) -> pd.DataFrame:
    """Read a split's file as a table of user_id, movie_id, rating and timestamp, in file order.

    Rows are `user,item[,rating[,timestamp]]` (comma or tab, with or without a header), or one line per user: `user item
    item ...`, separated by blanks. A missing rating is five stars, a missing time is 0. Raises MissingInputError or
    DataError.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not there. Name the split's files with --train, --valid and --test.")
    lines = path.read_text("utf-8-sig").splitlines()
    if not any(text.strip() for text in lines):
        raise MissingInputError(f"{path} is empty.")
    separator = next((mark for mark in ("\t", ",") if mark in lines[0]), None)
    rows = _table_rows(lines, separator) if separator else _user_lines(lines)
    try:
        frame = pd.DataFrame(rows, columns=_COLUMNS).astype(RATING_DTYPES)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: expected user,item[,rating[,timestamp]] or `user item item ...`: {error}.") from error
    return frame


def _table_rows(lines: list[str], separator: str) -> list[tuple[str, ...]]:
    cells = [text.split(separator) for text in lines if text.strip()]
    if not cells[0][0].strip().lstrip("-").isdigit():
        cells = cells[1:]
    defaults = ["", "", str(RATING_MAX), "0"]
    return [tuple([*row, *defaults[len(row) :]][:4]) for row in cells]


def _user_lines(lines: list[str]) -> list[tuple[str, ...]]:
    words = [text.split() for text in lines if text.strip()]
    return [(user, item, str(RATING_MAX), "0") for user, *items in words for item in items]


def _rows_of(path: Path | None, option: str, dataset: ProcessedDataset) -> NDArray[np.bool_]:
    """Return which ratings of the data set (n,) the file at `path` names.

    Raises MissingInputError where `path` is None, DataError where the file names other pairs than the data set's.
    """
    if path is None:
        raise MissingInputError(f"This protocol is made of files: give {option} FILE.")
    pairs = read_pairs(path if path.exists() or path.is_absolute() else home.raw_data() / dataset.name / path)
    users, movies = dataset.user_ids.rows(pairs[USER].to_numpy()), dataset.movie_ids.rows(pairs[MOVIE].to_numpy())
    n_movies = len(dataset.movie_ids)
    keys = np.where((users < 0) | (movies < 0), -1, users * n_movies + movies)
    rating_keys = dataset.user_rows.astype(np.int64) * n_movies + dataset.movie_rows
    if missing := int((~np.isin(keys, rating_keys)).sum()):
        raise DataError(f"{path}: {missing} of {len(keys)} pairs are not ratings of {dataset.name}.")
    return np.isin(rating_keys, keys)


def _check_disjoint(**masks: NDArray[np.bool_]) -> None:
    overlap = int((np.sum(list(masks.values()), axis=0) > 1).sum())
    if overlap:
        raise DataError(f"{overlap} (user, item) pairs are in more than one of {', '.join(masks)}; the split leaks.")
