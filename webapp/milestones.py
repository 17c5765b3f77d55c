"""Papers from thirty years of recommender systems, and which of them the served version's algorithms follow."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from client.answers import AboutModel, Paper

IMPLICIT = "Implicit feedback and ranking"
FAMILIES = (
    "Neighbourhoods",
    "Matrix factorisation",
    IMPLICIT,
    "Content, tags and features",
    "Linear and autoencoder models",
    "Deep and sequence models",
    "Data and evaluation",
)


class Milestone(Paper):
    """A paper that changed how recommendations are made; `algorithms` of the served version follow it."""

    year: int
    algorithms: tuple[str, ...] = ()


with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as table:
    MILESTONES = tuple(Milestone.model_validate(row) for row in csv.DictReader(table))


def followed(about: Mapping[str, AboutModel]) -> list[Milestone]:
    """Return the papers with the algorithms that follow each, and further papers that algorithms place themselves."""
    algorithms: dict[str, list[str]] = {}
    papers: dict[str, Paper] = {}
    for name, about_algorithm in about.items():
        for paper in about_algorithm.papers:
            algorithms.setdefault(paper.url, []).append(name)
            papers[paper.url] = paper
    milestone_urls = {milestone.url for milestone in MILESTONES}
    further = [_placed(paper) for url, paper in papers.items() if url not in milestone_urls and paper.year is not None]
    return [
        paper.model_copy(update={"algorithms": tuple(algorithms.get(paper.url, ()))})
        for paper in [*MILESTONES, *further]
    ]


def _placed(paper: Paper) -> Milestone:
    family = paper.family if paper.family in FAMILIES else IMPLICIT
    return Milestone.model_validate(paper.model_dump() | {"family": family})
