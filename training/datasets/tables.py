"""What every reader hands over: typed raw tables, whatever the file format was, each row with its line number."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.schema import IMDB_ID, MOVIE, RATING_DTYPES, RELEVANCE, TAG, TAG_ID, USER
from recommender.schema import TIMESTAMP as TIME

PERSON = "person"  # "role/identity" of somebody known by an identity but not by a name

RATING_TABLE = dict(RATING_DTYPES)
LINK_TABLE = {MOVIE: "int32", IMDB_ID: "Int64"}
USER_TAG_TABLE = {USER: "int32", MOVIE: "int32", TAG: "str", TIME: "int64"}
GENOME_SCORE_TABLE = {MOVIE: "int32", TAG_ID: "int32", RELEVANCE: "float32"}
GENOME_TAG_TABLE = {TAG_ID: "int32", TAG: "str"}
PEOPLE_TABLE = {MOVIE: "int32", PERSON: "str"}


@dataclass(frozen=True)
class Table:
    """A frame and where its rows come from: row i stands in line `lines[i]` of `path` (1-based, header included).

    `lines` is None where no line was skipped: row i then stands in line `first_line + i`.
    """

    frame: pd.DataFrame
    path: Path | None = None
    first_line: int = 1
    lines: NDArray[np.int64] | None = None

    def line_numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Line number of each of these rows."""
        return rows + self.first_line if self.lines is None else self.lines[rows]

    def __len__(self) -> int:
        return len(self.frame)


def empty(dtypes: dict[str, str]) -> Table:
    """A table without rows."""
    return Table(pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()}))


@dataclass
class Genome:
    """Tag genome: relevance in [0, 1] of each tag for each film, and the tags' names."""

    scores: Table = field(default_factory=lambda: empty(GENOME_SCORE_TABLE))
    tags: Table = field(default_factory=lambda: empty(GENOME_TAG_TABLE))


@dataclass
class RawTables:
    """Raw tables with the column names of `recommender.schema`; types are right, nothing else is checked yet.

    `movies` holds the raw title with its year and the genres as lists of str as spelled in the file. `ratings_to_come`
    may still be being read while the others are worked on.
    """

    ratings_to_come: Future[Table]
    movies: Table
    links: Table = field(default_factory=lambda: empty(LINK_TABLE))
    user_tags: Table = field(default_factory=lambda: empty(USER_TAG_TABLE))
    people: Table = field(default_factory=lambda: empty(PEOPLE_TABLE))
    genome: Genome = field(default_factory=Genome)

    @property
    def ratings(self) -> Table:
        """The ratings in file order. Raises what reading them raised."""
        return self.ratings_to_come.result()


def in_background(read: Callable[..., Table], *arguments: object) -> Future[Table]:
    """The table that `read` makes of `arguments`, in a thread of its own.

    Nothing stops that thread: where another file turns out to be unreadable, the process ends only once this one has
    been read, and rows may still be set aside meanwhile.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    table = pool.submit(read, *arguments)
    pool.shutdown(wait=False)
    return table
