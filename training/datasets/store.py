"""Processed data sets by name: `prepare` makes one from raw files, `load_dataset` opens it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from recommender.errors import DataError, MissingInputError
from recommender.ids import IdMap
from recommender.schema import MOVIE, USER
from training.datasets import persistence, quality
from training.datasets.clean import CLEANING_VERSION, CleanTables, clean
from training.datasets.credits import read_credits, with_credits
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.readers import input_files, read_raw
from training.datasets.sources import default_credits, find_raw
from training.datasets.tag_matrix import build_tag_matrix

__all__ = ["PROCESSED_ROOT", "ProcessedDataset", "TagMatrix", "load_dataset", "prepare"]

PROCESSED_ROOT = Path("data/processed")


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
    processed_root: Path = PROCESSED_ROOT,
    force: bool = False,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`; unchanged inputs are opened, not processed again.

    `raw`: directory of the raw files (default: data/raw/<name>, else the installed sample). `credits`: CSV of film
    credits (default: the project's own table for `name`, if any). `force` processes again in any case.
    Raises MissingInputError or DataError.
    """
    raw = raw or find_raw(name)
    credits = credits or default_credits(name)
    inputs = [*input_files(raw), *([credits] if credits else [])]
    fingerprint = _fingerprint(inputs)
    directory = processed_root / name
    processed_root.mkdir(parents=True, exist_ok=True)
    with FileLock(processed_root / f".{name}.lock"):
        if not force and (dataset := _up_to_date(directory, fingerprint)):
            return dataset
        return _process(name, raw, credits, directory, fingerprint)


def _fingerprint(inputs: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"cleaning {CLEANING_VERSION}".encode())
    for path in inputs:
        digest.update(f"{path.name} {persistence.sha256_of(path)}".encode())
    return digest.hexdigest()


def _up_to_date(directory: Path, fingerprint: str) -> ProcessedDataset | None:
    manifest = persistence.read_manifest(directory)
    if manifest is None or not persistence.is_current(manifest, fingerprint):
        return None
    try:
        return persistence.load(directory, manifest)
    except DataError:  # damaged: made again from the raw files
        return None


def _process(name: str, raw: Path, credits: Path | None, directory: Path, fingerprint: str) -> ProcessedDataset:
    cleaned = clean(read_raw(raw))
    if credits:
        cleaned.movies = with_credits(cleaned.movies, read_credits(credits))
    dataset = _assemble(name, cleaned, directory, fingerprint)
    texts = quality.reports(dataset.snapshot(), cleaned.counts, cleaned.rejects)
    persistence.save(dataset, directory, texts, {"snapshot": dataset.snapshot()})
    return dataset


def _assemble(name: str, cleaned: CleanTables, directory: Path, fingerprint: str) -> ProcessedDataset:
    if not len(cleaned.ratings):
        raise DataError(f"No usable rating is left in {name} after cleaning. Check the raw files.")
    return ProcessedDataset(
        name=name,
        fingerprint=fingerprint,
        movies=cleaned.movies,
        ratings=cleaned.ratings,
        tags=build_tag_matrix(cleaned.movies, {}),
        user_ids=IdMap.from_raw(cleaned.ratings[USER].to_numpy()),
        movie_ids=IdMap(cleaned.movies[MOVIE].to_numpy(dtype=np.int64)),
        directory=directory,
    )
