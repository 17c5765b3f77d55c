"""Processed data sets by name: `prepare` makes one from raw files, `load_dataset` opens it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from recommender import home
from recommender.errors import DataError, MissingInputError
from recommender.files import require_replaceable, sha256_of
from training.datasets import persistence
from training.datasets.config import ProcessingConfig, load_processing_config
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.manifest import processed_files, read_manifest
from training.datasets.names import dataset_path
from training.datasets.quarantine import Quarantine
from training.datasets.sources import Sources, count_lines, default_credits, find_raw

__all__ = ["ProcessedDataset", "TagMatrix", "load_dataset", "prepare"]

RULES_VERSION = 5  # raised whenever the same input gives another result


def load_dataset(name: str, processed_root: Path | None = None) -> ProcessedDataset:
    """Open the processed data set `name`, every file checked against its manifest first.

    `processed_root`: where it is stored (default: data/processed). Raises UsageError for what is no name,
    MissingInputError (names the command) when there is none or another pandas version wrote it, DataError when a file
    was changed.
    """
    directory = dataset_path(processed_root or home.processed_data(), name)
    manifest = read_manifest(directory)
    if manifest is None:
        raise MissingInputError(f"No processed data set in {directory}. Run `movierec data prepare {name}` first.")
    if not persistence.is_current(manifest):
        raise MissingInputError(
            f"{directory} was written by pandas {manifest.get('pandas')} in format {manifest.get('format')}; this is "
            f"pandas {pd.__version__}, format {persistence.FORMAT}. Run `movierec data prepare {name}` again."
        )
    return persistence.load(directory, manifest)


def prepare(
    name: str,
    *,
    raw: Path | None = None,
    credits: Path | None = None,
    genome: Path | None = None,
    processed_root: Path | None = None,
    max_bad_share: float | None = None,
    force: bool = False,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`; unchanged inputs are opened, not processed again.

    `raw`: directory of the raw files (default: data/raw/<name>, else the installed sample). `credits`: film credits as
    CSV or metadata.json (default: what is at hand for `name`). `genome`: directory of a tag genome for a data set that
    has none of its own. `processed_root`: where it is stored (default: data/processed). `max_bad_share`: share of
    malformed or impossible rows that is tolerated (default: the configured one). `force` processes again in any case.
    Raises MissingInputError, DataError, and UsageError for what is no name, or where the directory of that name holds
    files that this function did not write.
    """
    processed_root = processed_root or home.processed_data()
    directory = dataset_path(processed_root, name)
    config = load_processing_config()
    if max_bad_share is not None:
        config = config.model_copy(update={"max_bad_share": max_bad_share})
    sources = Sources(raw or find_raw(name), credits or default_credits(name), genome)
    files = sources.files()
    if read_manifest(directory) is None:
        require_replaceable(directory, processed_files)  # before anything is made beside it
    processed_root.mkdir(parents=True, exist_ok=True)
    fingerprint = cache(partial(_fingerprint, files, config))
    with FileLock(processed_root / f".{name}.lock"):
        before = _states(files)
        manifest = read_manifest(directory)
        if not force and (dataset := _up_to_date(directory, manifest, fingerprint)):
            return dataset
        # pandera takes long to import: only where rows are checked
        from training.datasets.processing import process

        quarantine = Quarantine(config.max_bad_share * count_lines(files))
        with persistence.storing(directory) as stored:
            dataset = process(name, sources, config, quarantine, fingerprint, stored)
            _require_unchanged(files, before)
        return dataset


def _fingerprint(files: Sequence[Path], config: ProcessingConfig) -> str:
    with ThreadPoolExecutor(max_workers=2) as pool:
        sums = pool.map(sha256_of, files)
        inputs = [f"{path.name} {each}" for path, each in zip(files, sums, strict=True)]
    return hashlib.sha256("\n".join([f"rules {RULES_VERSION}", config.model_dump_json(), *inputs]).encode()).hexdigest()


def _require_unchanged(files: Sequence[Path], before: Sequence[tuple[int, int]]) -> None:
    """Raises DataError where a file, since its state `before`, changed: what was read may not be what was hashed."""
    if changed := [str(path) for path, old, new in zip(files, before, _states(files), strict=True) if old != new]:
        raise DataError(f"{', '.join(changed)} changed while being read. Prepare once more when it is complete.")


def _states(files: Sequence[Path]) -> list[tuple[int, int]]:
    return [(state.st_size, state.st_mtime_ns) for state in map(Path.stat, files)]


def _up_to_date(
    directory: Path, manifest: Mapping[str, Any] | None, fingerprint: Callable[[], str]
) -> ProcessedDataset | None:
    if manifest is None or not persistence.is_current(manifest) or manifest["fingerprint"] != fingerprint():
        return None
    try:
        return persistence.load(directory, manifest)
    except DataError:  # damaged: made again from the raw files
        return None
