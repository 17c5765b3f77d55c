"""Published splits: files of (user, item) pairs read as masks over a data set's ratings, or as a data set."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender import home, schema
from recommender.errors import DataError, MissingInputError, UsageError
from recommender.feedback import MOVIELENS, Feedback
from recommender.films.ids import UNKNOWN, IdMap
from training.datasets.names import is_name
from training.datasets.scales import find_scale
from training.datasets.store import ProcessedDataset, TagMatrix
from training.datasets.stored.persistence import Labels, labels
from training.splits.pairs import id_column, read_file, read_pairs
from training.splits.protocol import FilesSplit, ProtocolConfig

_MOST_STEPS = 1000  # of a scale; more are counts, no ratings


def file_masks(rule: FilesSplit, dataset: ProcessedDataset) -> dict[str, NDArray[np.bool_]]:
    """Return the masks `train`, `test` and `masked` over a data set's ratings that the files of a split name.

    Raises MissingInputError where a file is not there, DataError where files overlap or name other ratings.
    """
    train, test = _rows_of(rule.train, "--train", dataset), _rows_of(rule.test, "--test", dataset)
    valid = _rows_of(rule.valid, "--valid", dataset) if rule.valid else np.zeros_like(train)
    _check_disjoint(train=train, valid=valid, test=test)
    both = train | valid
    masked = both if rule.masked == "train+valid" or rule.refit_with_valid else train
    return {"train": both if rule.refit_with_valid else train, "test": test, "masked": masked}


def validation_file_masks(rule: FilesSplit, dataset: ProcessedDataset) -> dict[str, NDArray[np.bool_]]:
    """Return the masks `train` and `test` with the validation file as the test part.

    Raises MissingInputError where there is no validation file.
    """
    train, valid = _rows_of(rule.train, "--train", dataset), _rows_of(rule.valid, "--valid", dataset)
    _check_disjoint(train=train, valid=valid)
    return {"train": train, "test": valid}


def files_dataset(protocol: ProtocolConfig) -> ProcessedDataset:
    """Build a data set from the files of a published split: their ratings in file order, and items without titles.

    Where the protocol takes order for time, a rating's time is its place in the files: training before validation
    before test. Raises UsageError where `protocol` names no files, or has that in spite of times in them.
    """
    rule = protocol.split
    if not isinstance(rule, FilesSplit) or rule.train is None or rule.test is None:
        raise UsageError("A data set made of files needs both: give --train FILE and --test FILE.")
    paths = [path for path in (rule.train, rule.valid, rule.test) if path]
    files = [read_file(path) for path in paths]
    rows = _joined([file.rows for file in files])
    if rule.order_is_time:
        if rows[schema.TIMESTAMP].any():
            raise UsageError("--order-is-time is for files without times, and these have times: leave it out.")
        rows[schema.TIMESTAMP] = np.arange(len(rows))
    ratings = rows.drop_duplicates([schema.USER, schema.MOVIE], keep="last").reset_index(drop=True)
    feedback = _feedback(ratings, paths)
    if ratings[schema.RATING].nunique() == 1:  # equal ratings say no more than that there are pairs
        ratings[schema.RATING] = np.float32(feedback.maximum)
    movies = IdMap.from_raw(ratings[schema.MOVIE].to_numpy())
    fingerprint = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    return ProcessedDataset(
        name=rule.train.parent.name if is_name(rule.train.parent.name) else protocol.name,
        fingerprint=fingerprint,
        movies=_numbered_films(labels(movies)),
        ratings=ratings,
        tags=TagMatrix(sp.csr_matrix(np.empty((len(movies), 0), dtype=np.float32)), [], {}),
        user_ids=IdMap.from_raw(ratings[schema.USER].to_numpy()),
        movie_ids=movies,
        feedback=feedback,
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the rows of several files together; ids are text in all of them where they are in one."""
    rows = pd.concat(tables, ignore_index=True)
    for column in (schema.USER, schema.MOVIE):
        rows[column] = id_column(pd.concat([table[column].astype("str") for table in tables], ignore_index=True))
    return rows


def _feedback(ratings: pd.DataFrame, paths: list[Path]) -> Feedback:
    """Return MovieLens's scale where the ratings are on it or all equal, else the scale that they are on.

    Raises DataError where they are on none.
    """
    stars = ratings[schema.RATING].to_numpy()
    scale = find_scale(stars)
    if scale is None or scale.minimum == scale.maximum or np.isin(stars, MOVIELENS.bins).all():
        return MOVIELENS
    if scale.step is None or scale.maximum - scale.minimum > _MOST_STEPS * scale.step:
        raise DataError(
            f"Expected ratings on a scale in {', '.join(map(str, paths))}; found {scale}. Leave the ratings out."
        )
    return Feedback.scale(scale.minimum, scale.maximum, scale.step)


def _numbered_films(movies: Labels) -> pd.DataFrame:
    titles = pd.Series([f"Item {movie}" for movie in movies], dtype="str")
    empty_lists: pd.Series[Any] = pd.Series([[] for _ in movies], dtype="object")
    return pd.DataFrame(
        {
            schema.MOVIE: movies,
            schema.TITLE: titles,
            schema.ORIGINAL_TITLE: titles,
            schema.YEAR: pd.Series([None] * len(movies), dtype="Int32"),
            schema.DUPLICATE_OF: movies,
            **dict.fromkeys((schema.ALTERNATIVE_TITLES, schema.GENRES, schema.DIRECTORS, schema.ACTORS), empty_lists),
        }
    )


def _rows_of(path: Path | None, option: str, dataset: ProcessedDataset) -> NDArray[np.bool_]:
    """Return which ratings of the data set (n,) the file at `path` names.

    Raises MissingInputError where `path` is None, DataError where the file names other pairs than the data set's.
    """
    if path is None:
        raise MissingInputError(f"This protocol is made of files: give {option} FILE.")
    pairs = read_pairs(path if path.exists() or path.is_absolute() else home.raw_data() / dataset.name / path)
    users, movies = _rows(pairs[schema.USER], dataset.user_ids), _rows(pairs[schema.MOVIE], dataset.movie_ids)
    n_movies = len(dataset.movie_ids)
    keys = np.where((users < 0) | (movies < 0), -1, users * n_movies + movies)
    rating_keys = dataset.user_rows.astype(np.int64) * n_movies + dataset.movie_rows
    if missing := int((~np.isin(keys, rating_keys)).sum()):
        raise DataError(f"{path}: {missing} of {len(keys)} pairs are not ratings of {dataset.name}.")
    return np.isin(rating_keys, keys)


def _rows(raw: pd.Series, ids: IdMap) -> NDArray[np.int64]:
    """Return the row of each raw id (n,), UNKNOWN where the data set lacks it; numbers are text where its ids are."""
    if ids.is_text or isinstance(raw.dtype, pd.CategoricalDtype):
        return ids.rows(raw.astype("str").to_numpy(dtype=object)) if ids.is_text else np.full(len(raw), UNKNOWN)
    return ids.rows(raw.to_numpy())


def _check_disjoint(**masks: NDArray[np.bool_]) -> None:
    overlap = int((np.sum(list(masks.values()), axis=0) > 1).sum())
    if overlap:
        raise DataError(f"{overlap} (user, item) pairs are in more than one of {', '.join(masks)}; the split leaks.")
