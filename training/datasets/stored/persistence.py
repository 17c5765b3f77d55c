"""Store processed data sets whole, and load them; sha256 sums are checked before anything is unpickled."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from typing_extensions import Buffer

from recommender.errors import DataError
from recommender.feedback import Feedback
from recommender.files import replaced_directory, sha256_of
from recommender.films.ids import IdMap
from recommender.items import Items
from recommender.schema import RATING
from training.datasets.dataset import ProcessedDataset
from training.datasets.stored.manifest import MANIFEST, MOVIES_FILE, processed_files
from training.datasets.stored.plain import (
    MATRIX,
    MOVIE_LABELS,
    USER_LABELS,
    frame_of,
    labels,
    plain_frame,
    plain_matrix,
    plain_tags,
    tags_of,
)
from training.datasets.stored.preparation import Preparation, renewing_command

USER_ITEM_FILE = "user_item_matrix.pkl"
RATINGS_FILE = "processed_ratings.pkl"
TAGS_FILE = "movie_tag_matrix.pkl"
FORMAT = 4

Rows = NDArray[np.int32]
Ratings = NDArray[np.float32]


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
            self._write(name, partial(_write_text, text))
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
        _write_file(self._directory / MANIFEST, partial(_write_text, text))

    def _pickle(self, name: str, plain: object) -> None:
        self._write(name, partial(pickle.dump, plain, protocol=5))

    def _write(self, name: str, write: Callable[[_HashingWriter], object]) -> None:
        self._sums[name] = self._pool.submit(_write_file, self._directory / name, write)


@contextmanager
def open_writer(directory: Path) -> Iterator[DatasetWriter]:
    """Yield a writer whose files replace `directory` when the block ends without an exception.

    Raises UsageError where `directory` holds anything else than a processed data set.
    """
    with replaced_directory(directory, processed_files) as fresh, ThreadPoolExecutor(max_workers=2) as pool:
        yield DatasetWriter(fresh, pool)


def _write_file(path: Path, write: Callable[[_HashingWriter], object]) -> str:
    """Let `write` fill the file at `path`, wait until it is on the disk and return its sha256."""
    with path.open("wb") as file:
        hashing = _HashingWriter(file)
        write(hashing)
        file.flush()
        os.fsync(file.fileno())
    return hashing.hexdigest()


class _HashingWriter(io.RawIOBase):
    """A file that hashes what is written to it, so that a large file need not be read again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _write_array(array: NDArray[Any], file: _HashingWriter) -> None:
    np.save(file, array)


def _write_text(text: str, file: _HashingWriter) -> None:
    file.write(text.encode())


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
        tags=tags_of(tags),
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
    counted = dataset.feedback.has_ratings
    return _same_totals((dataset.user_rows, ratings), (users, matrix.data), counted=counted) and _same_totals(
        (dataset.movie_rows, ratings), (matrix.indices, matrix.data), counted=counted
    )


def _same_totals(ours: tuple[Rows, Ratings], theirs: tuple[Rows, Ratings], *, counted: bool) -> bool:
    """Return whether the ratings (n,) of each row have the same sum in both, and with `counted` are as many."""
    (rows, ratings), (other_rows, other_ratings) = ours, theirs
    if counted and not np.array_equal(np.bincount(rows), np.bincount(other_rows)):
        return False
    sums, other_sums = np.bincount(rows, ratings), np.bincount(other_rows, other_ratings)
    return len(sums) == len(other_sums) and np.allclose(sums, other_sums)
