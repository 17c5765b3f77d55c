"""Retrain the models of published tables and write docs/results.md, with all of its figures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.replication import page
from benchmarks.replication.models import cold, people, titles
from benchmarks.replication.rankings import dislikes, ms_item75, strong
from benchmarks.replication.section import Section, Study
from benchmarks.replication.sparse import files_protocol, sparse
from benchmarks.replication.stars import cv5
from benchmarks.replication.titles import item2item
from benchmarks.tools.figures import Figure
from benchmarks.tools.twins import twin
from recommender import home
from recommender.errors import MissingInputError, UsageError
from training.config import CONFIG_ROOT, read_mapping
from training.datasets.store import ProcessedDataset, prepare
from training.pipeline.checkpoints import git_commit
from training.progress import Progress, silent
from training.splits.files import files_dataset

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
SMALL = "ml-latest-small"
GENOME = "tag-genome-sample"
MILLION, MILLION_SIZE = "synthetic-1m", 0.04  # of MovieLens 25M
MILLION_SEEDS = 5  # with 600 people each
SPARSE = ("lastfm", "amazon-beauty")

Measure = Callable[[Study], Section]
Say = Callable[[str], None]


def run(
    size: float,
    rounds: int,
    progress: Progress = silent,
    *,
    sections: Sequence[str] = (),
    say: Say = lambda text: None,
    write: bool = False,
) -> list[Figure]:
    """Retrain and evaluate every model of the tables, or of the sections named; `say` gets each section's text.

    `size` below 1 takes fewer seeds, for a quick look. `rounds` changes nothing: seeds repeat the measurement. With
    `write` each section goes into docs/results.md as soon as it is measured; the others stay there as they are. A
    section whose data are missing is left out, and the reason said. Raises UsageError for an unknown section.
    """
    figures: list[Figure] = []
    for key, section, stamp in measured(size, progress, sections, say):
        say(section.markdown())
        if write:
            page.write(RESULTS, key, section, stamp, list(SECTIONS))
        figures += section.figures
    return figures


def measured(size: float, progress: Progress, keys: Sequence[str], say: Say) -> Iterator[tuple[str, Section, str]]:
    """Yield key, section and stamp of every section named, by default of all, in the order of the page."""
    if unknown := set(keys) - set(SECTIONS):
        raise UsageError(f"No section {', '.join(sorted(unknown))}; expected of: {', '.join(SECTIONS)}.")
    datasets: dict[str, ProcessedDataset] = {}
    for key in [key for key in SECTIONS if key in keys or not keys]:
        name = key.partition("/")[0]
        commit = git_commit("docs/results.md") or "none"  # before the fits, which take long
        try:
            dataset = datasets[name] if name in datasets else datasets.setdefault(name, load(name))
        except MissingInputError as error:
            say(f"{key} is left out: {error}")
            continue
        section = SECTIONS[key](Study(dataset, size, progress))
        yield key, section, stamp(dataset, commit)


def load(name: str) -> ProcessedDataset:
    """Prepare a data set of the results. Raises MissingInputError where its files are not at hand."""
    if name == MILLION:
        return prepare(MILLION, raw=twin(MILLION_SIZE))
    if name in SPARSE:
        return files_dataset(files_protocol(_found(f"splits/{name}")))
    if name != SMALL:
        return prepare(name)
    raw = _found(SMALL)
    credits = raw.parent / "credits" / f"{SMALL}-credits.csv"
    return prepare(SMALL, raw=raw, credits=credits if credits.is_file() else None)


def stamp(dataset: ProcessedDataset, commit: str) -> str:
    """Return in a sentence when, by which code and configurations and on which data a section was measured."""
    today = datetime.now(UTC).date().isoformat()
    return (
        f"Measured {today} by commit {commit[:12]}{'-dirty' if commit.endswith('-dirty') else ''}; `configs/models` "
        f"sha256 {configurations()[:12]}; data {dataset.fingerprint[:12]}, {len(dataset.ratings):,} ratings."
    )


def configurations(root: Path = CONFIG_ROOT / "models") -> str:
    """Return a sha256 over the configured values of all models; a section of docs/results.md with another is older."""
    digest = hashlib.sha256()
    for path in sorted(root.glob("*.yaml")):
        digest.update(f"{path.name} {json.dumps(read_mapping(path), sort_keys=True)}".encode())
    return digest.hexdigest()


def _similar(study: Study) -> Section:
    return item2item(study, _find(GENOME))


def _sparse(study: Study) -> Section:
    return sparse(study, files_protocol(_found(f"splits/{study.dataset.name}")))


def _found(name: str) -> Path:
    """Return the raw directory `name`. Raises MissingInputError where it is not at hand."""
    if (directory := _find(name)) is None:
        raise MissingInputError(f"{name} is neither in {home.raw_data()} nor below $MOVIEREC_REAL_DATA.")
    return directory


def _find(name: str) -> Path | None:
    """Return the raw directory `name` in data/raw or in the directory MOVIEREC_REAL_DATA, or None."""
    roots = [home.raw_data(), *(Path(root) for root in [os.environ.get("MOVIEREC_REAL_DATA")] if root)]
    return next((root / name for root in roots if (root / name).is_dir()), None)


# By data set and protocol, in the order of the page.
SECTIONS: Mapping[str, Measure] = {
    "ml-100k/ms-item75": ms_item75,
    "ml-100k/cv5": cv5,
    "ml-100k/latest20": partial(people, protocol="latest20"),
    "ml-100k/temporal": partial(people, protocol="temporal"),
    "ml-100k/rolling": partial(people, protocol="rolling"),
    "ml-100k/item2item": titles,
    "ml-100k/strong": strong,
    "ml-100k/strong-all": dislikes,
    "ml-100k/cold": cold,
    "ml-100k/cold-described": partial(cold, protocol="cold-described"),
    f"{SMALL}/latest20": partial(people, protocol="latest20"),
    f"{SMALL}/rolling": partial(people, protocol="rolling"),
    f"{SMALL}/item2item": _similar,
    f"{SMALL}/strong-all": dislikes,
    f"{SMALL}/cold": cold,
    f"{SMALL}/cold-described": partial(cold, protocol="cold-described"),
    f"{MILLION}/strong": partial(strong, most_seeds=MILLION_SEEDS),
    **{f"{name}/files": _sparse for name in SPARSE},
}
