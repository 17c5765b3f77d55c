"""The typed raw tables that every reader returns, whatever the file format, with the line number of each row."""

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

UTF_8 = "utf-8"
RATING_TABLE = dict(RATING_DTYPES)
LINK_TABLE = {MOVIE: "int32", IMDB_ID: "Int64"}
USER_TAG_TABLE = {USER: "int32", MOVIE: "int32", TAG: "str", TIME: "int64"}
GENOME_SCORE_TABLE = {MOVIE: "int32", TAG_ID: "int32", RELEVANCE: "float32"}
GENOME_TAG_TABLE = {TAG_ID: "int32", TAG: "str"}
PEOPLE_TABLE = {MOVIE: "int32", PERSON: "str"}


@dataclass(frozen=True)
class Table:
    """A frame and the file that it was read from: row i is line `lines[i]` of `path`, counted from 1 with the header.

    `lines` is None if no line was skipped; row i is then line `first_line + i`. `encoding`: the file's. `row_texts`
    gives the text of rows of a file that is not plain text.
    """

    frame: pd.DataFrame
    path: Path | None = None
    first_line: int = 1
    lines: NDArray[np.int64] | None = None
    encoding: str = UTF_8
    row_texts: Callable[[NDArray[np.int64]], list[str]] | None = None

    def line_numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the line number in the file of each of these rows."""
        return rows + self.first_line if self.lines is None else self.lines[rows]

    def __len__(self) -> int:
        return len(self.frame)


def empty(dtypes: dict[str, str]) -> Table:
    """Return a table without rows that has these columns."""
    return Table(pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()}))


@dataclass
class Genome:
    """The tag genome: the relevance in [0, 1] of each tag for each film, and the tags' names."""

    scores: Table = field(default_factory=lambda: empty(GENOME_SCORE_TABLE))
    tags: Table = field(default_factory=lambda: empty(GENOME_TAG_TABLE))


@dataclass
class RawTables:
    """All raw tables of a data set, with right types and the columns of `recommender.schema`, otherwise unchecked.

    `movies` holds the raw title with its year, and the genres as lists of str as spelled in the file.
    `ratings_to_come`: the ratings, which may still be being read.
    """

    ratings_to_come: Future[Table]
    movies: Table
    links: Table = field(default_factory=lambda: empty(LINK_TABLE))
    user_tags: Table = field(default_factory=lambda: empty(USER_TAG_TABLE))
    people: Table = field(default_factory=lambda: empty(PEOPLE_TABLE))
    genome: Genome = field(default_factory=Genome)

    @property
    def ratings(self) -> Table:
        """Wait for the ratings and return them in file order. Raises what reading them raised."""
        return self.ratings_to_come.result()


def in_background(read: Callable[..., Table], *arguments: object) -> Future[Table]:
    """Call `read(*arguments)` in a thread of its own and return the future table.

    Nothing stops that thread: if another file turns out to be unreadable, the process ends only after this one has
    been read, and rows may still be rejected meanwhile.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    table = pool.submit(read, *arguments)
    pool.shutdown(wait=False)
    return table
