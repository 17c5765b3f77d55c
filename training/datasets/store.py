"""Processed data sets by name: `prepare` makes one from raw files, `load_dataset` loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

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

RULES_VERSION = 6  # to be raised whenever the same input gives another result


def load_dataset(name: str, processed_root: Path | None = None) -> ProcessedDataset:
    """Load the processed data set `name` after checking every file against its manifest.

    `processed_root`: where it is stored (default: data/processed). Raises UsageError if the name is not valid,
    MissingInputError (which names the command to run) if there is no such data set or another version of pandas wrote
    it, DataError if a file was changed.
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
    texts: Path | None = None,
    processed_root: Path | None = None,
    max_bad_share: float | None = None,
    force: bool = False,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`, or load it if its inputs are unchanged since the last time.

    `raw`: directory of the raw files (default: data/raw/<name>, else the installed sample). `credits`: film credits as
    CSV or metadata.json (default: those found for `name`). `genome`: directory of a tag genome for a data set that has
    none of its own. `texts`: directory of film articles. `processed_root`: where it is stored (default:
    data/processed). `max_bad_share`: share of malformed or impossible rows that is tolerated (default: the configured
    one). `force`: process even if nothing changed.
    Raises MissingInputError, DataError, and UsageError if the name is not valid or its directory holds files that this
    function did not write.
    """
    processed_root = processed_root or home.processed_data()
    directory = dataset_path(processed_root, name)
    config = load_processing_config()
    if max_bad_share is not None:
        config = config.model_copy(update={"max_bad_share": max_bad_share})
    sources = Sources(raw or find_raw(name), credits or default_credits(name), genome, texts)
    files = sources.files()
    if read_manifest(directory) is None:
        require_replaceable(directory, processed_files)  # before anything is made beside it
    processed_root.mkdir(parents=True, exist_ok=True)
    with FileLock(processed_root / f".{name}.lock"), ThreadPoolExecutor(max_workers=1) as background:
        states_before = _states(files)
        fingerprint = background.submit(_fingerprint, files, config)
        if not force and (dataset := _load_up_to_date(directory, fingerprint)):
            return dataset
        # pandera takes long to import: only where rows are checked
        from training.datasets.processing import process

        quarantine = Quarantine(config.max_bad_share * count_lines(files))
        with persistence.open_writer(directory) as writer:
            dataset = process(name, sources, config, quarantine, fingerprint, writer)
            _require_unchanged(files, states_before)
        return dataset


def _fingerprint(files: Sequence[Path], config: ProcessingConfig) -> str:
    """Return a sha256 over the cleaning rules' version, the configuration and the files' contents."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        sums = pool.map(sha256_of, files)
        inputs = [f"{path.name} {checksum}" for path, checksum in zip(files, sums, strict=True)]
    return hashlib.sha256("\n".join([f"rules {RULES_VERSION}", config.model_dump_json(), *inputs]).encode()).hexdigest()


def _require_unchanged(files: Sequence[Path], states_before: Sequence[tuple[int, int]]) -> None:
    """Raise DataError if a file changed while it was read: its rows may not be those that were hashed."""
    states = zip(files, states_before, _states(files), strict=True)
    if changed := [str(path) for path, before, after in states if before != after]:
        raise DataError(f"{', '.join(changed)} changed while being read. Prepare once more when it is complete.")


def _states(files: Sequence[Path]) -> list[tuple[int, int]]:
    """Return size and time of modification of each file."""
    return [(stat.st_size, stat.st_mtime_ns) for stat in map(Path.stat, files)]


def _load_up_to_date(directory: Path, fingerprint: Future[str]) -> ProcessedDataset | None:
    """Return the stored data set, or None where there is none, or one of other inputs or with damaged files."""
    manifest = read_manifest(directory)
    if manifest is None or not persistence.is_current(manifest) or manifest["fingerprint"] != fingerprint.result():
        return None
    try:
        return persistence.load(directory, manifest)
    except DataError:
        return None
