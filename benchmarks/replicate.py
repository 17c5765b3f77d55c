"""Published tables, retrained: every figure of docs/results.md comes from here, and from nowhere else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.replication.models import cold, people, titles
from benchmarks.replication.rankings import ms_item75, strong
from benchmarks.replication.section import Section, Study
from benchmarks.replication.stars import cv5
from benchmarks.replication.titles import item2item
from benchmarks.tools.figures import Figure, machine
from benchmarks.tools.twins import twin
from training.config import CONFIG_ROOT, read_mapping
from training.datasets.sources import RAW_ROOT
from training.datasets.store import ProcessedDataset, prepare
from training.progress import Progress, silent

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
SMALL = "ml-latest-small"
GENOME = "tag-genome-sample"
MILLION, MILLION_SIZE = "synthetic-1m", 0.04  # of MovieLens 25M
MILLION_SEEDS = 5  # with 600 people each


def run(size: float, rounds: int, progress: Progress = silent) -> list[Figure]:
    """Retrain from the configurations and judge; at full size docs/results.md is written anew.

    `size` below 1 takes fewer seeds, for a quick look. `rounds` changes nothing: seeds are what repeats here.
    """
    dataset = prepare("ml-100k")
    sections = movielens_100k(Study(dataset, size, progress))
    datasets = [dataset]
    if small := find_small():
        datasets.append(small)
        sections += item2item(Study(small, size, progress), _find(GENOME))
    datasets.append(million())
    sections.append(strong(Study(datasets[-1], size, progress), MILLION_SEEDS))
    if size >= 1:
        RESULTS.write_text(report(sections, datasets), encoding="utf-8")
    return [figure for section in sections for figure in section.figures]


def movielens_100k(study: Study) -> list[Section]:
    """Every section that MovieLens 100K allows."""
    return [
        ms_item75(study),
        cv5(study),
        people(study, "latest20"),
        people(study, "temporal"),
        titles(study),
        strong(study),
        cold(study),
    ]


def find_small() -> ProcessedDataset | None:
    """ml-latest-small with its credits, where its raw files are at hand."""
    raw = _find(SMALL)
    if raw is None:
        return None
    credits = raw.parent / "credits" / f"{SMALL}-credits.csv"
    return prepare(SMALL, raw=raw, credits=credits if credits.is_file() else None)


def million() -> ProcessedDataset:
    """The synthetic twin of a million ratings."""
    return prepare(MILLION, raw=twin(MILLION_SIZE))


def report(sections: Sequence[Section], datasets: Sequence[ProcessedDataset]) -> str:
    """docs/results.md."""
    facts = machine()
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("numpy", "scikit-surprise", "implicit"))
    on = (facts["cpu"], f"{facts['cores']} cores", facts["blas"])
    prints = "; ".join(f"{each.name} {each.fingerprint[:12]}, {len(each.ratings):,} ratings" for each in datasets)
    head = [
        "# Results",
        "",
        "Written by `movierec bench replicate`, which retrains every model from `configs/`; nothing is typed by hand. "
        "Protocols and formulas: [evaluation.md](evaluation.md). "
        f"The part on {SMALL} needs its raw files in `data/raw/{SMALL}` (or below `$MOVIEREC_REAL_DATA`). {MILLION} is "
        "made up in the shape of MovieLens: its figures say nothing of real films.",
        "",
        f"{', '.join(filter(None, on))}, Python {facts['python']}, {versions}. "
        f"Data: {prints}. Configurations: `configs/models`, sha256 {configurations()[:12]}.",
        "",
    ]
    return "\n".join([*head, *(section.markdown() for section in sections)])


def configurations(root: Path = CONFIG_ROOT / "models") -> str:
    """One sha256 over the values, not the comments, of all models: where it differs, the page is stale."""
    digest = hashlib.sha256()
    for path in sorted(root.glob("*.yaml")):
        digest.update(f"{path.name} {json.dumps(read_mapping(path), sort_keys=True)}".encode())
    return digest.hexdigest()


def _find(name: str) -> Path | None:
    """The raw directory `name` in data/raw, or below the directory that MOVIEREC_REAL_DATA names."""
    roots = [RAW_ROOT, *(Path(root) for root in [os.environ.get("MOVIEREC_REAL_DATA")] if root)]
    return next((root / name for root in roots if (root / name).is_dir()), None)
