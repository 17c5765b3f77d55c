"""Get the raw files of a catalogued data set from a local copy, a mirror or GroupLens, in this order."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from recommender import home
from recommender.errors import DataError, MissingInputError
from recommender.files import marked_directory, move, scratch_directory
from training.datasets.config import DatasetConfig, load_dataset_config
from training.datasets.fetching.download import (
    Unreachable,
    check_md5,
    download,
    find_md5,
    published_md5,
    with_remote_archive,
)
from training.datasets.fetching.extract import Limits, extract_folder
from training.datasets.names import dataset_path
from training.datasets.sources import find_raw
from training.progress import Progress, silent

MIRROR_VARIABLE = "MOVIEREC_MIRROR"
_GROWTH = 20  # times the archive's size; none of the catalogue reaches ten
_SLACK = 50_000_000
_MEGABYTE = 1_000_000


def fetch(
    name: str,
    *,
    raw_root: Path | None = None,
    mirror: str | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Path:
    """Fetch the raw files of `name`, if they are not yet under `raw_root` (default: data/raw); return their directory.

    `mirror`: directory or base URL that holds the archives under their own names (default: MOVIEREC_MIRROR).
    Raises UsageError for an unknown name, or if this would replace files that `fetch` did not write or that were
    changed since; MissingInputError, with what to do, without a network; DataError if the archive is damaged,
    suspicious or not the published one.
    """
    raw_root = raw_root or home.raw_data()
    target = dataset_path(raw_root, name)
    config = load_dataset_config(name)
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    raw_root.mkdir(parents=True, exist_ok=True)
    with FileLock(raw_root / f".{name}.lock"):
        if not force and target.is_dir() and any(target.iterdir()):
            return target
        try:
            with marked_directory(target, "fetch") as fresh:
                _fill(fresh, config, raw_root, mirror, progress)
        except Unreachable as error:
            raise MissingInputError(
                f"{error}. Without a network, put {config.archive} (from {config.url}) into {raw_root}/, or its files "
                f"into {raw_root / name}/, or set {MIRROR_VARIABLE} to a directory or base URL that holds "
                f"{config.archive}."
            ) from error
    return target


def fetch_if_missing(name: str, progress: Progress = silent) -> Path:
    """Return the directory of the raw files of `name`, which are fetched unless they are on this machine."""
    try:
        return find_raw(name)
    except MissingInputError:
        return fetch(name, progress=progress)


def _fill(fresh: Path, config: DatasetConfig, raw_root: Path, mirror: str | None, progress: Progress) -> None:
    """Extract the data set's archive, from wherever it can be had, into the directory `fresh`."""

    def extract(archive: zipfile.ZipFile) -> None:
        limits = Limits(total_bytes=_GROWTH * config.megabytes * _MEGABYTE + _SLACK)
        with scratch_directory(fresh) as scratch:  # a failed try leaves nothing
            extract_folder(archive, config.folder, scratch, limits, config.members, progress)
            for path in scratch.iterdir():
                move(path, fresh / path.name)

    local = _local_copy(config, raw_root, mirror)
    url = f"{mirror.rstrip('/')}/{config.archive}" if mirror else config.url
    if local is not None:
        with _opened(local) as archive:
            extract(archive)
    elif config.members:
        with_remote_archive(url, extract)
    else:
        with _downloaded(config, url, mirror, raw_root, progress) as archive:
            extract(archive)


@contextmanager
def _downloaded(
    config: DatasetConfig, url: str, mirror: str | None, raw_root: Path, progress: Progress
) -> Iterator[zipfile.ZipFile]:
    """Download the archive at `url` to a temporary file and yield it opened."""
    max_bytes = 2 * config.megabytes * _MEGABYTE + _SLACK
    # GroupLens's own `.md5` file comes first; a mirror's counts only if the catalogue has none.
    md5 = config.md5 if mirror and config.md5 else published_md5(url) or config.md5
    with scratch_directory(raw_root) as directory:
        download(url, directory / config.archive, md5, max_bytes, progress)
        with _opened(directory / config.archive) as archive:
            yield archive


def _local_copy(config: DatasetConfig, raw_root: Path, mirror: str | None) -> Path | None:
    """Return the checked archive put into `raw_root` by hand, or in a mirror that is a directory, else None."""
    path = raw_root / config.archive
    if not path.is_file():
        if mirror is None or "://" in mirror:
            return None
        path = Path(mirror) / config.archive
        if not path.is_file():
            raise Unreachable(f"The mirror {mirror} holds no {config.archive}")
    beside = path.with_name(f"{path.name}.md5")
    if md5 := config.md5 or (find_md5(beside.read_text("utf-8", "replace")) if beside.is_file() else None):
        check_md5(path, md5)
    return path


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is not a sound zip archive: {error}. Remove it and get it again.") from error
    with archive:
        yield archive
