"""How much of a data set a table of credits covers, and how far it agrees with another table of another edition."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.errors import MissingInputError
from recommender.schema import ACTORS, ALTERNATIVE_TITLES, DIRECTORS, DUPLICATE_OF, MOVIE, TITLE, YEAR
from recommender.titles.keys import normalise
from training.datasets.cleaning.clean import clean_films
from training.datasets.credits import read_credits
from training.datasets.dataset import ProcessedDataset
from training.datasets.quarantine import Quarantine
from training.datasets.readers import read_raw
from training.datasets.sources import default_credits
from training.datasets.store import load_dataset

_YEARS_APART = 1  # editions differ by a year for many films

Key = tuple[str, int]
Names = dict[str, list[str]]


@dataclass(frozen=True)
class Agreement:
    """Two tables compared on the films that both name.

    `same_directors`, `shared_director`: share of these films with equal directors, with one in common at least.
    `actors`: share of the names in the checked table that the reference has for the same film. `differences`: a line
    for each film whose directors differ or with an actor that the reference lacks.
    """

    matched_films: int
    same_directors: float
    shared_director: float
    actors: float
    differences: list[str]


def check_credits(
    name: str, table: Path | None, reference: Path | None, reference_raw: Path | None, processed_root: Path | None
) -> dict[str, Any]:
    """Coverage of `table` (default: the one at hand) in the processed data set `name`, and its agreement with
    `reference`, a table of the edition whose raw files are in `reference_raw`.

    Raises MissingInputError where the data set or a table is missing.
    """
    dataset = load_dataset(name, processed_root)
    table = table or default_credits(name)
    if table is None:
        raise MissingInputError(f"No credits are at hand for {name}. Name a CSV with --table.")
    credits = read_credits(table)
    found: dict[str, Any] = {
        "name": str(table),
        "films": len(credits),
        "ratings_covered": covered_ratings(dataset, credits),
    }
    if reference is not None and reference_raw is not None:
        quarantine = Quarantine()
        others = clean_films(read_raw(reference_raw, quarantine), quarantine).movies
        found |= asdict(agreement(dataset.movies, credits, others, read_credits(reference)))
    return found


def covered_ratings(dataset: ProcessedDataset, credits: pd.DataFrame) -> float:
    """Share of the ratings that are of a film in `credits`, or of a second entry of one."""
    films = dataset.movies
    known = films[MOVIE].isin(credits[MOVIE]) | films[DUPLICATE_OF].isin(credits[MOVIE])
    return float(known.to_numpy()[dataset.movie_rows].mean())


def agreement(films: pd.DataFrame, credits: pd.DataFrame, others: pd.DataFrame, reference: pd.DataFrame) -> Agreement:
    """`credits` of `films` against `reference`, whose ids are those of `others`; matched by title and year."""
    found = _matches(films[films[MOVIE].isin(credits[MOVIE])], others[others[MOVIE].isin(reference[MOVIE])])
    ours, theirs = _by_movie(credits), _by_movie(reference)
    same = shared = named = confirmed = 0
    differences = []
    for movie, other in found.items():
        mine, its = ours[movie], theirs[other]
        directors, actors = _keys(mine[DIRECTORS]), _keys(mine[ACTORS])
        same += directors == _keys(its[DIRECTORS])
        shared += bool(directors & _keys(its[DIRECTORS]))
        named += len(actors)
        confirmed += len(actors & _keys(its[ACTORS]))
        if directors != _keys(its[DIRECTORS]) or actors - _keys(its[ACTORS]):
            differences.append(f"{movie}: {_shown(mine)}; reference: {_shown(its)}")
    count = max(len(found), 1)
    return Agreement(len(found), same / count, shared / count, confirmed / max(named, 1), differences)


def _matches(films: pd.DataFrame, others: pd.DataFrame) -> dict[int, int]:
    """movie_id -> movie_id of the other edition, of the films that agree in a title and nearly in the year."""
    by_key: dict[Key, int] = {}
    for row in others.to_dict("records"):
        for key in _film_keys(row):
            by_key.setdefault(key, row[MOVIE])
    found = {}
    for row in films.to_dict("records"):
        near = [(name, year + apart) for apart in _nearest() for name, year in _film_keys(row)]
        if (other := next((by_key[key] for key in near if key in by_key), None)) is not None:
            found[row[MOVIE]] = other
    return found


def _nearest() -> list[int]:
    return sorted(range(-_YEARS_APART, _YEARS_APART + 1), key=abs)


def _film_keys(row: dict[Hashable, Any]) -> list[Key]:
    if pd.isna(row[YEAR]):
        return []
    titles = [row[TITLE], *row[ALTERNATIVE_TITLES]]
    return [(normalise(str(title)), int(row[YEAR])) for title in titles]


def _by_movie(credits: pd.DataFrame) -> dict[int, Names]:
    return {row[MOVIE]: {column: row[column] for column in (DIRECTORS, ACTORS)} for row in credits.to_dict("records")}


def _keys(names: list[str]) -> set[str]:
    return {normalise(name) for name in names}


def _shown(row: Names) -> str:
    return f"{', '.join(row[DIRECTORS])} ({', '.join(row[ACTORS])})"
