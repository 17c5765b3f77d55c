"""Read the tag genome: `genome-scores.csv` + `genome-tags.csv`, or the `tag_relevance.dat` + `tags.dat` of 2012."""

from __future__ import annotations

from pathlib import Path

from recommender.schema import MOVIE, RELEVANCE, TAG, TAG_ID
from training.datasets.quarantine import Quarantine
from training.datasets.readers.delimited import read_numbers, read_text
from training.datasets.readers.layout import Layout
from training.datasets.tables import GENOME_SCORE_TABLE, GENOME_TAG_TABLE, Genome

_CSV_SCORES = Layout(GENOME_SCORE_TABLE, {MOVIE: ("movieId",), TAG_ID: ("tagId",), RELEVANCE: ("relevance",)})
_CSV_TAGS = Layout(GENOME_TAG_TABLE, {TAG_ID: ("tagId",), TAG: ("tag",)})


def input_files(raw: Path) -> list[Path]:
    """Return the tag genome's two files in the directory `raw`, [] if there are none."""
    for names in (("genome-scores.csv", "genome-tags.csv"), ("tag_relevance.dat", "tags.dat")):
        if (raw / names[0]).exists():
            return [raw / name for name in names]
    return []


def read(raw: Path, quarantine: Quarantine) -> Genome:
    """Read the tag genome's scores and tag names in the directory `raw`."""
    scores, tags = input_files(raw)
    if scores.suffix == ".csv":
        return Genome(read_numbers(scores, _CSV_SCORES, quarantine), read_text(tags, _CSV_TAGS, quarantine))
    with scores.open("rb") as file:
        separator = "\t" if b"\t" in file.readline() else "::"
    score_layout = Layout.without_header(GENOME_SCORE_TABLE, separator, legacy=True)
    tag_layout = Layout.without_header(GENOME_TAG_TABLE, separator, width=3, legacy=True)  # the third: its popularity
    return Genome(read_numbers(scores, score_layout, quarantine), read_text(tags, tag_layout, quarantine))
