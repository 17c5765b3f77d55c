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
    separator = _separator(scores)
    return Genome(
        read_numbers(scores, _dat(GENOME_SCORE_TABLE, (0, 1, 2), 3, separator), quarantine),
        read_text(tags, _dat(GENOME_TAG_TABLE, (0, 1), 3, separator), quarantine),  # the third is the tag's popularity
    )


def _dat(dtypes: dict[str, str], source: tuple[int, ...], width: int, separator: str) -> Layout:
    return Layout(dtypes, source, separator=separator, has_header=False, width=width, quoted=False, legacy=True)


def _separator(path: Path) -> str:
    with path.open("rb") as file:
        return "\t" if b"\t" in file.readline() else "::"
