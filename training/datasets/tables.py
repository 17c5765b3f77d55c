"""What every reader hands over: typed raw tables, whatever the file format was."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from recommender.schema import (
    GENRES,
    IMDB_ID,
    MOVIE,
    ORIGINAL_TITLE,
    RELEVANCE,
    TAG,
    TAG_ID,
    TIMESTAMP,
    USER,
)


@dataclass(frozen=True)
class Reject:
    """One row that was set aside; `line` is 1-based in `file`, header included."""

    file: str
    line: int
    reason: str
    text: str


def _empty(**dtypes: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def empty_links() -> pd.DataFrame:
    """movie_id, imdb_id."""
    return _empty(**{MOVIE: "int32", IMDB_ID: "Int64"})


def empty_user_tags() -> pd.DataFrame:
    """user_id, movie_id, tag, timestamp."""
    return _empty(**{USER: "int32", MOVIE: "int32", TAG: "str", TIMESTAMP: "int64"})


def empty_genome_scores() -> pd.DataFrame:
    """movie_id, tag_id, relevance in [0, 1]."""
    return _empty(**{MOVIE: "int32", TAG_ID: "int32", RELEVANCE: "float32"})


def empty_genome_tags() -> pd.DataFrame:
    """tag_id, tag."""
    return _empty(**{TAG_ID: "int32", TAG: "str"})


def empty_people() -> pd.DataFrame:
    """movie_id, feature: people known by an identity but not by a name."""
    return _empty(**{MOVIE: "int32", "feature": "str"})


@dataclass
class RawTables:
    """Raw tables with the column names of `recommender.schema`; nothing is cleaned yet.

    `ratings`: RATING_DTYPES, in file order. `movies`: movie_id, original_title (with its year), genres (list of str
    as spelled in the file). `lines_read` counts the data rows of each file, bad ones included.
    """

    ratings: pd.DataFrame
    movies: pd.DataFrame
    files: list[Path]
    links: pd.DataFrame = field(default_factory=empty_links)
    user_tags: pd.DataFrame = field(default_factory=empty_user_tags)
    genome_scores: pd.DataFrame = field(default_factory=empty_genome_scores)
    genome_tags: pd.DataFrame = field(default_factory=empty_genome_tags)
    people: pd.DataFrame = field(default_factory=empty_people)
    rejects: list[Reject] = field(default_factory=list)
    lines_read: dict[str, int] = field(default_factory=dict)


MOVIE_COLUMNS = (MOVIE, ORIGINAL_TITLE, GENRES)
