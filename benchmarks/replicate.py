"""Retrain the models of published tables and write docs/results.md, with all of its figures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.replication.models import cold, people, titles
from benchmarks.replication.rankings import dislikes, ms_item75, strong
from benchmarks.replication.section import Section, Study
from benchmarks.replication.stars import cv5
from benchmarks.replication.titles import item2item
from benchmarks.tools.figures import Figure, machine
from benchmarks.tools.twins import twin
from recommender import home
from training.config import CONFIG_ROOT, read_mapping
from training.datasets.store import ProcessedDataset, prepare
from training.progress import Progress, silent

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
SMALL = "ml-latest-small"
GENOME = "tag-genome-sample"
MILLION, MILLION_SIZE = "synthetic-1m", 0.04  # of MovieLens 25M
MILLION_SEEDS = 5  # with 600 people each


def run(size: float, rounds: int, progress: Progress = silent) -> list[Figure]:
    """Retrain and evaluate every model of the tables; at full size, write docs/results.md.

    `size` below 1 takes fewer seeds, for a quick look. `rounds` changes nothing: seeds repeat the measurement.
    """
    dataset = prepare("ml-100k")
    sections = movielens_100k(Study(dataset, size, progress))
    datasets = [dataset]
    if small := find_small():
        datasets.append(small)
        sections += [people(Study(small, size, progress), protocol) for protocol in ("latest20", "rolling")]
        sections += item2item(Study(small, size, progress), _find(GENOME))
    datasets.append(million())
    sections.append(strong(Study(datasets[-1], size, progress), MILLION_SEEDS))
    if size >= 1:
        RESULTS.write_text(report(sections, datasets), encoding="utf-8")
    return [figure for section in sections for figure in section.figures]


def movielens_100k(study: Study) -> list[Section]:
    """Return every section of the results on MovieLens 100K."""
    return [
        ms_item75(study),
        cv5(study),
        people(study, "latest20"),
        people(study, "temporal"),
        people(study, "rolling"),
        titles(study),
        strong(study),
        dislikes(study),
        cold(study),
        cold(study, "cold-described"),
    ]


def find_small() -> ProcessedDataset | None:
    """Prepare ml-latest-small with its credits, or return None where its raw files are missing."""
    raw = _find(SMALL)
    if raw is None:
        return None
    credits = raw.parent / "credits" / f"{SMALL}-credits.csv"
    return prepare(SMALL, raw=raw, credits=credits if credits.is_file() else None)


def million() -> ProcessedDataset:
    """Prepare the synthetic twin of a million ratings."""
    return prepare(MILLION, raw=twin(MILLION_SIZE))


def report(sections: Sequence[Section], datasets: Sequence[ProcessedDataset]) -> str:
    """Return the text of docs/results.md."""
    facts = machine()
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("numpy", "scikit-surprise", "implicit"))
    computer = (facts["cpu"], f"{facts['cores']} cores", facts["blas"])
    data = "; ".join(
        f"{dataset.name} {dataset.fingerprint[:12]}, {len(dataset.ratings):,} ratings" for dataset in datasets
    )
    head = [
        "# Results",
        "",
        "Written by `movierec bench replicate`, which retrains every model from `configs/`; nothing is typed by hand. "
        "Protocols and formulas: [evaluation.md](evaluation.md). "
        f"The part on {SMALL} needs its raw files in `data/raw/{SMALL}` (or below `$MOVIEREC_REAL_DATA`). {MILLION} is "
        "made up in the shape of MovieLens: its figures say nothing of real films.",
        "",
        f"{', '.join(filter(None, computer))}, Python {facts['python']}, {versions}. "
        f"Data: {data}. Configurations: `configs/models`, sha256 {configurations()[:12]}.",
        "",
    ]
    return "\n".join([*head, *(section.markdown() for section in sections)])


def configurations(root: Path = CONFIG_ROOT / "models") -> str:
    """Return a sha256 over the configured values of all models; if it differs, docs/results.md is stale."""
    digest = hashlib.sha256()
    for path in sorted(root.glob("*.yaml")):
        digest.update(f"{path.name} {json.dumps(read_mapping(path), sort_keys=True)}".encode())
    return digest.hexdigest()


def _find(name: str) -> Path | None:
    """Return the raw directory `name` in data/raw or in the directory MOVIEREC_REAL_DATA, or None."""
    roots = [home.raw_data(), *(Path(root) for root in [os.environ.get("MOVIEREC_REAL_DATA")] if root)]
    return next((root / name for root in roots if (root / name).is_dir()), None)
