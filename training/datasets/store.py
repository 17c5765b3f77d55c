"""Processed data sets by name: `prepare` makes one from raw files, `load_dataset` loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from recommender import home
from recommender.errors import DataError, MissingInputError, UsageError
from recommender.files import require_replaceable, sha256_of
from training.datasets.arrivals import Arrivals, read_arrivals
from training.datasets.config import ProcessingConfig, load_processing_config
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.datasets.names import dataset_path
from training.datasets.sources import Sources, find_sources
from training.datasets.stored import persistence
from training.datasets.stored.manifest import processed_files, read_manifest
from training.datasets.stored.preparation import (
    FileState,
    Preparation,
    preparation_of,
    renewing_command,
    stored_options,
)
from training.datasets.tabular.scale import stated_feedback
from training.datasets.tabular.source import SourceConfig, build_source, find_source

__all__ = ["ProcessedDataset", "TagMatrix", "changes_since", "is_prepared", "load_dataset", "prepare"]

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
        raise MissingInputError(_renewal(directory, manifest))
    return persistence.load(directory, manifest)


def _renewal(directory: Path, manifest: Mapping[str, Any]) -> str:
    """Return why a stored data set cannot be opened any more, and the command that renews it."""
    hint = "" if preparation_of(manifest) else ", with the --raw, --credits and --genome that it was made with, if any"
    return (
        f"{directory} was written by pandas {manifest.get('pandas')} in format {manifest.get('format')}; this is "
        f"pandas {pd.__version__}, format {persistence.FORMAT}. Run `{renewing_command(manifest)}` again{hint}."
    )


def is_prepared(name: str) -> bool:
    """Return whether there is a processed data set `name`, whatever its format. Raises UsageError for a bad name."""
    return read_manifest(dataset_path(home.processed_data(), name)) is not None


def changes_since(name: str) -> str:
    """Return which inputs of the processed data set `name` changed since it was made and how to take them, or ""."""
    manifest = read_manifest(dataset_path(home.processed_data(), name))
    preparation = preparation_of(manifest) if manifest else None
    if manifest is None or preparation is None:
        return ""
    source = manifest["details"].get("source")
    options = (preparation.options.get(option) for option in ("raw", "credits", "genome", "texts"))
    raw, credits, genome, texts = (Path(str(value)) if value else None for value in options)
    try:
        inputs = build_source(source, name) if source else find_sources(name, raw, credits, genome, texts)
        changed = preparation.changed(inputs.files())
    except MissingInputError:  # nothing is there that could be taken
        return ""
    if not changed:
        return ""
    return (
        f"{name} is used as it was prepared; changed since: {', '.join(changed)}. To take that in: "
        f"{renewing_command(manifest)}"
    )


def prepare(
    name: str,
    *,
    raw: Path | None = None,
    source: SourceConfig | None = None,
    credits: Path | None = None,
    genome: Path | None = None,
    texts: Path | None = None,
    scale: str | None = None,
    like: float | None = None,
    processed_root: Path | None = None,
    max_bad_share: float | None = None,
    events: bool = False,
    events_store: Path | None = None,
    force: bool = False,
) -> ProcessedDataset:
    """Read, clean and store the data set `name`, or load it if its inputs are unchanged since the last time.

    `source`: description of a data set of one's own (default, without `raw`: data/sources/<name>.yaml, else that of the
    last time). `raw`: directory of MovieLens's files (default: data/raw/<name>, else the installed sample). `credits`:
    film credits as CSV or metadata.json (default: those found for `name`). `genome`: directory of a tag genome for a
    data set that has none of its own. `texts`: directory of film articles. `scale`, `like`: of the ratings in raw
    files, where it is not MovieLens's. `processed_root`: where it is stored (default: data/processed).
    `max_bad_share`: share of malformed or impossible rows that is tolerated (default: the configured one). `events`:
    add what people rated and watched, from the service's store `events_store` (default: that of this machine).
    `force`: process even if nothing changed. Raises MissingInputError, DataError, and UsageError if the name is not
    valid or its directory holds files that this function did not write.
    """
    processed_root = processed_root or home.processed_data()
    directory = dataset_path(processed_root, name)
    config = load_processing_config()
    if max_bad_share is not None:
        config = config.model_copy(update={"max_bad_share": max_bad_share})
    source = source or (None if raw else find_source(name) or _last_source(directory))
    if source is not None and (credits or genome or texts):
        raise UsageError(
            f"Expected --credits, --genome and --texts with MovieLens's files; {name} is described by its columns."
        )
    inputs = source or find_sources(name, raw, credits, genome, texts, stated_feedback(scale, like))
    files = inputs.files()
    arrivals = read_arrivals(events_store or home.served_models()) if events else None
    identity = inputs.identity + (arrivals.identity if arrivals else "")
    if read_manifest(directory) is None:
        require_replaceable(directory, processed_files)  # before anything is made beside it
    processed_root.mkdir(parents=True, exist_ok=True)
    options = {"raw": raw, "credits": credits, "genome": genome, "texts": texts, "scale": scale, "like": like}
    options |= {"max_bad_share": max_bad_share, "events": events, "events_store": events_store}
    with FileLock(processed_root / f".{name}.lock"), ThreadPoolExecutor(max_workers=1) as background:
        states_before = _states(files)
        sums = background.submit(_checksums, files)
        fingerprint = background.submit(lambda: _fingerprint(sums.result(), config, identity))
        if not force and (dataset := _load_up_to_date(directory, fingerprint)):
            return dataset
        with persistence.open_writer(directory) as writer:
            try:
                dataset = _process(name, inputs, config, fingerprint, writer, arrivals)
            except DataError:
                _require_unchanged(states_before)  # else half of a file is what was found wrong
                raise
            _require_unchanged(states_before)
            file_states = {
                str(path.absolute()): FileState(*states_before[path], sha256) for path, sha256 in sums.result().items()
            }
            writer.close(Preparation(options=stored_options(options), files=file_states))
        return dataset


def _require_unchanged(before: Mapping[Path, Any]) -> None:
    """Raise DataError if a file changed while it was read: its rows may not be the hashed ones."""
    after = _states(list(before))
    if changed := [str(path) for path in before if before[path] != after[path]]:
        names = ", ".join(changed)
        raise DataError(f"{names} changed while being read. Prepare once more when it is complete.")


def _states(files: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Return size and time of modification of each file."""
    return {path: (stat.st_size, stat.st_mtime_ns) for path in files for stat in [path.stat()]}


def _checksums(files: Sequence[Path]) -> dict[Path, str]:
    """Return the sha256 of each file, in the same order."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(files, pool.map(sha256_of, files), strict=True))


def _process(
    name: str,
    inputs: Sources | SourceConfig,
    config: ProcessingConfig,
    fingerprint: Future[str],
    writer: persistence.DatasetWriter,
    arrivals: Arrivals | None,
) -> ProcessedDataset:
    # pandera and DuckDB take long to import: only where rows are checked
    if isinstance(inputs, SourceConfig):
        from training.datasets.tabular.process import process_source

        return process_source(name, inputs, config, fingerprint, writer, arrivals)
    from training.datasets.processing import process

    return process(name, inputs, config, fingerprint, writer, arrivals)


def _last_source(directory: Path) -> SourceConfig | None:
    """Return the description by which a data set was prepared the last time, or None."""
    manifest = read_manifest(directory)
    keys = manifest["details"].get("source") if manifest else None
    return build_source(keys, str(directory)) if keys else None


def _fingerprint(sums: Mapping[Path, str], config: ProcessingConfig, identity: str) -> str:
    """Return a sha256 over the cleaning rules' version, the configuration and the files' contents."""
    inputs = [f"{path.name} {checksum}" for path, checksum in sums.items()]
    inputs += [identity] if identity else []
    return hashlib.sha256("\n".join([f"rules {RULES_VERSION}", config.model_dump_json(), *inputs]).encode()).hexdigest()


def _load_up_to_date(directory: Path, fingerprint: Future[str]) -> ProcessedDataset | None:
    """Return the stored data set, or None where there is none, or one of other inputs or with damaged files."""
    manifest = read_manifest(directory)
    if manifest is None or not persistence.is_current(manifest) or manifest["fingerprint"] != fingerprint.result():
        return None
    try:
        return persistence.load(directory, manifest)
    except DataError:
        return None
