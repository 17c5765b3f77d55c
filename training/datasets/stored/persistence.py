"""Store processed data sets whole, and load them; sha256 sums are checked before anything is unpickled.

Stored are plain objects that pandas and scipy alone can unpickle. pandas keeps texts in Arrow where pyarrow is
installed, and could not open them elsewhere: stored texts, names of columns and categories are Python objects.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from typing_extensions import Buffer

from recommender.errors import DataError
from recommender.feedback import Feedback
from recommender.files import replaced_directory, sha256_of, sync
from recommender.films.ids import IdMap
from recommender.items import Items
from recommender.schema import RATING
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.stored.manifest import MANIFEST, MOVIES_FILE, processed_files
from training.datasets.stored.preparation import Preparation, renewing_command

USER_ITEM_FILE = "user_item_matrix.pkl"
RATINGS_FILE = "processed_ratings.pkl"
TAGS_FILE = "movie_tag_matrix.pkl"
FORMAT = 4

MATRIX, USER_LABELS, MOVIE_LABELS = "matrix", "user_ids", "movie_ids"
Labels = NDArray[Any]


def is_current(manifest: Mapping[str, Any]) -> bool:
    """Return whether the files behind `manifest` have this format and were pickled by this version of pandas."""
    return manifest.get("format") == FORMAT and manifest.get("pandas") == pd.__version__


class DatasetWriter:
    """Writes the files of a processed data set in the background, the large ones first."""

    def __init__(self, directory: Path, pool: Executor) -> None:
        self._directory, self._pool = directory, pool
        self._sums: dict[str, Future[str]] = {}
        self._manifest: dict[str, Any] = {}

    def start_ratings(self, ratings: pd.DataFrame, user_item: sp.csr_matrix, user_ids: IdMap, movie_ids: IdMap) -> None:
        """Start to write the ratings and their (n_users, n_movies) matrix."""
        self._pickle(RATINGS_FILE, plain_frame(ratings))
        self._pickle(USER_ITEM_FILE, plain_matrix(user_item, user_ids, movie_ids))

    def finish(self, dataset: ProcessedDataset, reports: Mapping[str, str]) -> None:
        """Start to write all other files and `reports` (file name -> text)."""
        self._pickle(TAGS_FILE, plain_tags(dataset.tags, dataset.movie_ids))
        self._pickle(MOVIES_FILE, plain_frame(dataset.movies))
        for name, text in reports.items():
            self._write(name, methodcaller("write", text.encode()))
        self._manifest = {
            "format": FORMAT,
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "pandas": pd.__version__,
            "numpy": np.__version__,
            "feedback": dataset.feedback.model_dump(),
            "items": dataset.items.model_dump(mode="json"),
            "details": dict(dataset.details),
        }

    def close(self, preparation: Preparation) -> None:
        """Write the manifest when all files are on the disk. `preparation`: how the data set was made."""
        manifest = self._manifest | {
            "preparation": preparation.model_dump(mode="json"),
            "files": {name: checksum.result() for name, checksum in self._sums.items()},
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        _write_file(self._directory / MANIFEST, methodcaller("write", text.encode()))

    def _pickle(self, name: str, plain: object) -> None:
        self._write(name, lambda file: pickle.dump(plain, file, protocol=5))

    def _write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        self._sums[name] = self._pool.submit(_write_file, self._directory / name, write)


@contextmanager
def open_writer(directory: Path) -> Iterator[DatasetWriter]:
    """Yield a writer whose files replace `directory` when the block ends without an exception.

    Raises UsageError where `directory` holds anything else than a processed data set.
    """
    with replaced_directory(directory, processed_files) as fresh, ThreadPoolExecutor(max_workers=2) as pool:
        yield DatasetWriter(fresh, pool)


def _write_file(path: Path, write: Callable[[BinaryIO], object]) -> str:
    """Let `write` fill the file at `path`, wait until it is on the disk and return the sha256 of what was written."""
    with path.open("wb") as file:
        hashing = _HashingWriter(file)
        write(cast("BinaryIO", hashing))
    sync(path)
    return hashing.digest.hexdigest()


class _HashingWriter(io.RawIOBase):
    """A file object that hashes the bytes on their way to the disk, so that the hash reveals a faulty disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self.digest.update(data)
        return self._file.write(data)


def load(directory: Path, manifest: Mapping[str, Any]) -> ProcessedDataset:
    """Load the data set in `directory`.

    Raises DataError if a file differs from its sha256, or if the files do not agree on films, users and ratings.
    """
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.is_file() or sha256_of(path) != expected:
            raise DataError(
                f"{path} is missing or not the file its manifest describes. "
                f"Run `{renewing_command(manifest, '--force')}` to make it again."
            )
    user_item, tags = (pd.read_pickle(directory / name) for name in (USER_ITEM_FILE, TAGS_FILE))
    dataset = ProcessedDataset(
        name=manifest["name"],
        fingerprint=manifest["fingerprint"],
        movies=frame_of(pd.read_pickle(directory / MOVIES_FILE)),
        ratings=frame_of(pd.read_pickle(directory / RATINGS_FILE)),
        tags=TagMatrix(tags[MATRIX], tags["features"], tags["blocks"]),
        user_ids=IdMap.from_raw(user_item[USER_LABELS]),
        movie_ids=IdMap.from_raw(user_item[MOVIE_LABELS]),
        details=manifest["details"],
        feedback=Feedback.model_validate(manifest["feedback"]),
        items=Items.model_validate(manifest["items"]),
    )
    if not np.array_equal(tags[MOVIE_LABELS], labels(dataset.movie_ids)) or not _agree(dataset, user_item[MATRIX]):
        raise DataError(
            f"{RATINGS_FILE}, {USER_ITEM_FILE} and {TAGS_FILE} in {directory} are not of the same films, users and "
            f"ratings. Run `{renewing_command(manifest, '--force')}` to make them again."
        )
    return dataset


def _agree(dataset: ProcessedDataset, matrix: sp.csr_matrix) -> bool:
    """Return whether the matrix has the ratings of each user and film that the frame has: as many, with the same sum.

    Repeated events are one entry of the matrix, so only their sums can be compared.
    """
    if matrix.shape != (len(dataset.user_ids), len(dataset.movie_ids)):
        return False
    ratings = dataset.ratings[RATING].to_numpy()
    users = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    for rows, entries in ((dataset.user_rows, users), (dataset.movie_rows, matrix.indices)):
        if dataset.feedback.has_ratings and not np.array_equal(np.bincount(rows), np.bincount(entries)):
            return False
        sums, entry_sums = np.bincount(rows, ratings), np.bincount(entries, matrix.data)
        if len(sums) != len(entry_sums) or not np.allclose(sums, entry_sums):
            return False
    return True


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
    columns = {"features": list(tags.features), "blocks": dict(tags.blocks)}
    return {MATRIX: tags.matrix, MOVIE_LABELS: labels(movie_ids), **columns}


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
