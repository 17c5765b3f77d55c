"""Processed data sets by name: `prepare` makes one from raw files, `load_dataset` opens it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from filelock import FileLock

from recommender.errors import DataError, MissingInputError
from training.datasets import persistence
from training.datasets.config import ProcessingConfig, load_processing_config
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.quarantine import Quarantine
from training.datasets.sources import Scan, Sources, default_credits, find_raw, scan

__all__ = ["PROCESSED_ROOT", "ProcessedDataset", "TagMatrix", "load_dataset", "prepare"]

PROCESSED_ROOT = Path("data/processed")
RULES_VERSION = 3  # raised whenever the same input gives another result


def load_dataset(name: str, processed_root: Path = PROCESSED_ROOT) -> ProcessedDataset:
    """Open the processed data set `name`, every file checked against its manifest first.

    Raises MissingInputError (names the command) when there is none or another pandas version wrote it, DataError when a
    file was changed.
    """
    directory = processed_root / name
    manifest = persistence.read_manifest(directory)
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
    processed_root: Path = PROCESSED_ROOT,
    max_bad_share: float | None = None,
    force: bool = False,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`; unchanged inputs are opened, not processed again.

    `raw`: directory of the raw files (default: data/raw/<name>, else the installed sample). `credits`: film credits as
    CSV or metadata.json (default: what is at hand for `name`). `genome`: directory of a tag genome for a data set that
    has none of its own. `max_bad_share`: share of malformed or impossible rows that is tolerated (default: the
    configured one). `force` processes again in any case. Raises MissingInputError or DataError.
    """
    config = load_processing_config()
    if max_bad_share is not None:
        config = config.model_copy(update={"max_bad_share": max_bad_share})
    sources = Sources(raw or find_raw(name), credits or default_credits(name), genome)
    files = sources.files()
    scans = scan(files)
    fingerprint = _fingerprint(files, scans, config)
    directory = processed_root / name
    processed_root.mkdir(parents=True, exist_ok=True)
    with FileLock(processed_root / f".{name}.lock"):
        if not force and (dataset := _up_to_date(directory, fingerprint)):
            return dataset
        # pandera takes long to import: only where rows are checked
        from training.datasets.processing import process

        quarantine = Quarantine(config.max_bad_share * sum(each.lines for each in scans))
        return persistence.save(process(name, sources, config, quarantine, fingerprint), directory)


def _fingerprint(files: Sequence[Path], scans: Sequence[Scan], config: ProcessingConfig) -> str:
    inputs = [f"{path.name} {each.sha256}" for path, each in zip(files, scans, strict=True)]
    return hashlib.sha256("\n".join([f"rules {RULES_VERSION}", config.model_dump_json(), *inputs]).encode()).hexdigest()


def _up_to_date(directory: Path, fingerprint: str) -> ProcessedDataset | None:
    manifest = persistence.read_manifest(directory)
    if manifest is None or not persistence.is_current(manifest, fingerprint):
        return None
    try:
        return persistence.load(directory, manifest)
    except DataError:  # damaged: made again from the raw files
        return None
