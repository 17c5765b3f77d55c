"""Match films of a data set to records of another source by title and year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import pandas as pd

from recommender.schema import ALTERNATIVE_TITLES, MOVIE, TITLE, YEAR
from recommender.titles.keys import normalise

_APART = ((0,), (-1, 1))  # editions differ by a year for many films; the same year counts first

Key = tuple[str, int]


def match_films(films: pd.DataFrame, records: Iterable[tuple[Sequence[str], int]]) -> dict[int, list[int]]:
    """Return movie_id -> positions of the records with one of the film's titles and at most a year apart, ascending.

    `records`: titles and year of each. More than one position: the match is ambiguous. Films without a match are left
    out, and so are those a year apart from a record that another film matches to the year.
    """
    by_key: dict[Key, set[int]] = defaultdict(set)
    for position, (titles, year) in enumerate(records):
        for title in titles:
            by_key[normalise(title), year].add(position)
    rows = [row for row in films.to_dict("records") if not pd.isna(row[YEAR])]
    matches: dict[int, list[int]] = {}
    taken: set[int] = set()
    for years_apart in _APART:
        matched_now: set[int] = set()
        for row in rows:
            if row[MOVIE] in matches:
                continue
            keys = [(title, int(row[YEAR]) + apart) for apart in years_apart for title in _title_keys(row)]
            if positions := set().union(*(by_key.get(key, set()) for key in keys)) - taken:
                matches[row[MOVIE]] = sorted(positions)
                matched_now |= positions
        taken |= matched_now
    return matches


def film_records(films: pd.DataFrame) -> list[tuple[list[str], int]]:
    """Return titles and year of each film, as `match_films` takes them; films without a year get 0."""
    return [
        ([row[TITLE], *row[ALTERNATIVE_TITLES]], 0 if pd.isna(row[YEAR]) else int(row[YEAR]))
        for row in films.to_dict("records")
    ]


def _title_keys(row: dict[Hashable, Any]) -> list[str]:
    return [normalise(str(title)) for title in (row[TITLE], *row[ALTERNATIVE_TITLES])]
