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
from recommender.feedback import MOVIELENS, Feedback
from recommender.files import replaced_directory, sha256_of
from recommender.films.ids import IdMap
from recommender.items import FILMS, Items
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.indexing import matrix_positions
from training.datasets.manifest import MANIFEST, MOVIES_FILE, processed_files

USER_ITEM_FILE = "user_item_matrix.pkl"
RATINGS_FILE = "processed_ratings.pkl"
TAGS_FILE = "movie_tag_matrix.pkl"
USER_IDS, MOVIE_IDS = "user_ids", "movie_ids"  # of integers one file NAME.npy, of text its bytes and their offsets
FORMAT = 3


def is_current(manifest: Mapping[str, Any]) -> bool:
    """Return whether the files behind `manifest` have this format and were pickled by this version of pandas."""
    return manifest.get("format") == FORMAT and manifest.get("pandas") == pd.__version__


class DatasetWriter:
    """Writes the files of a processed data set in the background, the large ones first."""

    def __init__(self, directory: Path, pool: Executor) -> None:
        self._directory, self._pool = directory, pool
        self._sums: dict[str, Future[str]] = {}

    def start_ratings(self, ratings: pd.DataFrame, user_item: sp.csr_matrix) -> None:
        """Start to write the ratings and their (n_users, n_movies) matrix."""
        self._write(USER_ITEM_FILE, partial(pickle.dump, user_item, protocol=5))
        self._write(RATINGS_FILE, partial(pickle.dump, _times_of_ratings(ratings, user_item), protocol=5))

    def finish(self, dataset: ProcessedDataset, reports: Mapping[str, str]) -> None:
        """Write all other files and `reports` (file name -> text), and the manifest when all are on the disk."""
        self._write(TAGS_FILE, partial(pickle.dump, dataset.tags, protocol=5))
        self._write(MOVIES_FILE, partial(pickle.dump, dataset.movies, protocol=5))
        for name, array in (dataset.user_ids.arrays(USER_IDS) | dataset.movie_ids.arrays(MOVIE_IDS)).items():
            self._write(f"{name}.npy", partial(_write_array, array))
        for name, text in reports.items():
            self._write(name, partial(_write_text, text))
        manifest = {
            "format": FORMAT,
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "pandas": pd.__version__,
            "numpy": np.__version__,
            "details": {
                **dataset.details,
                "feedback": dataset.feedback.model_dump(mode="json"),
                "items": dataset.items.model_dump(mode="json"),
            },
            "files": {name: checksum.result() for name, checksum in self._sums.items()},
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        _write_file(self._directory / MANIFEST, partial(_write_text, text))

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
    """Load the data set in `directory` after checking every file's sha256. Raises DataError if one differs."""
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.is_file() or sha256_of(path) != expected:
            raise DataError(
                f"{path} is missing or not the file its manifest describes. "
                f"Run `movierec data prepare {manifest['name']} --force` to make it again."
            )
    names = [name for name in manifest["files"] if name.endswith(".npy")]
    arrays = {name.removesuffix(".npy"): np.load(directory / name, allow_pickle=False) for name in names}
    user_ids, movie_ids = (IdMap.from_arrays(arrays, name) for name in (USER_IDS, MOVIE_IDS))
    details = manifest["details"]
    user_item, times = (pd.read_pickle(directory / name) for name in (USER_ITEM_FILE, RATINGS_FILE))
    tags = pd.read_pickle(directory / TAGS_FILE)
    if not isinstance(tags, TagMatrix):
        raise DataError(f"Expected a TagMatrix in {directory / TAGS_FILE}, found {type(tags).__name__}.")
    return ProcessedDataset(
        name=manifest["name"],
        fingerprint=manifest["fingerprint"],
        movies=pd.read_pickle(directory / MOVIES_FILE),
        ratings=times if RATING in times else _rating_frame(user_item, times, user_ids, movie_ids),
        tags=tags,
        user_ids=user_ids,
        movie_ids=movie_ids,
        details=details,
        feedback=Feedback.model_validate(details["feedback"]) if "feedback" in details else MOVIELENS,
        items=Items.model_validate(details["items"]) if "items" in details else FILMS,
    )


def _times_of_ratings(ratings: pd.DataFrame, user_item: sp.csr_matrix) -> pd.DataFrame:
    """Return what the matrix lacks: the time of each rating, indexed by its position in the matrix's data.

    Where the matrix adds up events, or ids are text, that is the whole frame.
    """
    if len(ratings) != user_item.nnz or ratings[[USER, MOVIE]].dtypes.ne("int32").any():
        return ratings
    times = ratings[TIMESTAMP].to_frame()
    users, movies, stars = (ratings[column].to_numpy() for column in (USER, MOVIE, RATING))
    same_order = np.may_share_memory(stars, user_item.data)
    return times if same_order else times.set_axis(matrix_positions(users, movies))


def _rating_frame(user_item: sp.csr_matrix, times: pd.DataFrame, user_ids: IdMap, movie_ids: IdMap) -> pd.DataFrame:
    """Put the frame of ratings together, in the raw file's order, from their matrix and their `times`."""
    columns = {
        USER: np.repeat(user_ids.ids.astype(np.int32), np.diff(user_item.indptr)),
        MOVIE: movie_ids.ids.astype(np.int32)[user_item.indices],
        RATING: user_item.data,
    }
    if not isinstance(times.index, pd.RangeIndex):
        columns = {name: column[times.index.to_numpy()] for name, column in columns.items()}
    return pd.DataFrame(columns | {TIMESTAMP: times[TIMESTAMP].reset_index(drop=True)}, copy=False)
