"""Check a table of film credits: its coverage of a data set, and its agreement with a table of another edition."""

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
    """How far two tables of credits agree on the films that both contain.

    `same_directors`, `shared_director`: share of these films with equal directors, with at least one in common.
    `actors`: share of the checked table's actors that the reference has for the same film. `differences`: a line for
    each film whose directors differ or with an actor that the reference lacks.
    """

    matched_films: int
    same_directors: float
    shared_director: float
    actors: float
    differences: list[str]


def check_credits(
    name: str, table: Path | None, reference: Path | None, reference_raw: Path | None, processed_root: Path | None
) -> dict[str, Any]:
    """Report how much of the data set `name` a table of credits covers, and how far it agrees with a reference.

    `table`: by default the credits found on this machine. `reference`: a table for another edition of the data set,
    whose raw files are in `reference_raw`. Raises MissingInputError where the data set or a table is missing.
    """
    dataset = load_dataset(name, processed_root)
    table = table or default_credits(name)
    if table is None:
        raise MissingInputError(f"No credits are at hand for {name}. Name a CSV with --table.")
    credits = read_credits(table)
    report: dict[str, Any] = {
        "name": str(table),
        "films": len(credits),
        "ratings_covered": covered_ratings(dataset, credits),
    }
    if reference is not None and reference_raw is not None:
        quarantine = Quarantine()
        reference_films = clean_films(read_raw(reference_raw, quarantine), quarantine).movies
        report |= asdict(agreement(dataset.movies, credits, reference_films, read_credits(reference)))
    return report


def covered_ratings(dataset: ProcessedDataset, credits: pd.DataFrame) -> float:
    """Return the share of ratings whose film is in `credits`, itself or as a second entry of a film there."""
    films = dataset.movies
    covered = films[MOVIE].isin(credits[MOVIE]) | films[DUPLICATE_OF].isin(credits[MOVIE])
    return float(covered.to_numpy()[dataset.movie_rows].mean())


def agreement(
    films: pd.DataFrame, credits: pd.DataFrame, reference_films: pd.DataFrame, reference: pd.DataFrame
) -> Agreement:
    """Compare `credits` of `films` with `reference`, credits of `reference_films`; films match by title and year."""
    matches = _matches(_only(films, credits), _only(reference_films, reference))
    names, reference_names = _by_movie(credits), _by_movie(reference)
    same = shared = actors_checked = actors_confirmed = 0
    differences = []
    for movie, reference_movie in matches.items():
        checked, expected = names[movie], reference_names[reference_movie]
        directors, actors = _keys(checked[DIRECTORS]), _keys(checked[ACTORS])
        expected_directors, expected_actors = _keys(expected[DIRECTORS]), _keys(expected[ACTORS])
        same += directors == expected_directors
        shared += bool(directors & expected_directors)
        actors_checked += len(actors)
        actors_confirmed += len(actors & expected_actors)
        if directors != expected_directors or actors - expected_actors:
            differences.append(f"{movie}: {_shown(checked)}; reference: {_shown(expected)}")
    count = max(len(matches), 1)
    confirmed_share = actors_confirmed / max(actors_checked, 1)
    return Agreement(len(matches), same / count, shared / count, confirmed_share, differences)


def _only(films: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """Return the films that have credits."""
    return films[films[MOVIE].isin(credits[MOVIE])]


def _matches(films: pd.DataFrame, reference_films: pd.DataFrame) -> dict[int, int]:
    """Return movie_id -> movie_id in the reference for films with a title in common and at most a year apart."""
    by_key: dict[Key, int] = {}
    for row in reference_films.to_dict("records"):
        for key in _film_keys(row):
            by_key.setdefault(key, row[MOVIE])
    matches = {}
    for row in films.to_dict("records"):
        near = [(name, year + apart) for apart in _nearest() for name, year in _film_keys(row)]
        if (match := next((by_key[key] for key in near if key in by_key), None)) is not None:
            matches[row[MOVIE]] = match
    return matches


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
