"""Check a table of film credits: its coverage of a data set, and its agreement with a table of another edition.

On request, the table is extended from film articles first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.errors import MissingInputError
from recommender.schema import ACTORS, DIRECTORS, DUPLICATE_OF, MOVIE
from recommender.titles.keys import normalise
from training.datasets.cleaning.clean import clean_films
from training.datasets.credit_extension import extend_table
from training.datasets.credits.matching import film_records, match_films
from training.datasets.credits.table import read_credits
from training.datasets.dataset import ProcessedDataset
from training.datasets.quarantine import Quarantine
from training.datasets.readers import read_raw, wikipedia
from training.datasets.sources import default_credits
from training.datasets.store import load_dataset

Names = dict[str, list[str]]


@dataclass(frozen=True)
class Agreement:
    """How far two tables of credits agree on the films that both contain.

    `same_directors`, `shared_director`: share with equal directors, with at least one in common, of these films whose
    directors the checked table names. `actors`: share of the checked table's actors that the reference has for the same
    film. `differences`: a line for each film whose directors differ or with an actor that the reference lacks.
    """

    matched_films: int
    same_directors: float
    shared_director: float
    actors: float
    differences: list[str]


def check_credits(
    name: str,
    table: Path | None,
    reference: Path | None,
    reference_raw: Path | None,
    processed_root: Path | None,
    articles: Path | None = None,
) -> dict[str, Any]:
    """Report how much of the data set `name` a table of credits covers, and how far it agrees with a reference.

    `table`: by default the credits found on this machine. `reference`: a table for another edition of the data set,
    whose raw files are in `reference_raw`. `articles`: a directory of film articles; the table is extended from them by
    what the reference confirms. Raises MissingInputError where the data set or a table is missing.
    """
    dataset = load_dataset(name, processed_root)
    table = table or default_credits(name)
    if table is None:
        raise MissingInputError(f"No credits are at hand for {name}. Name a CSV with --table.")
    report: dict[str, Any] = {"name": str(table)}
    if reference is None or reference_raw is None:
        return report | _coverage(dataset, read_credits(table))
    quarantine = Quarantine()
    reference_films = clean_films(read_raw(reference_raw, quarantine), quarantine).movies
    reference_credits = read_credits(reference)
    if articles is not None:
        report |= {f"{key}_before": value for key, value in _coverage(dataset, read_credits(table)).items()}
        report |= extend_table(table, dataset.movies, wikipedia.read(articles), reference_films, reference_credits)
    credits = read_credits(table)
    report |= _coverage(dataset, credits)
    return report | asdict(agreement(dataset.movies, credits, reference_films, reference_credits))


def _coverage(dataset: ProcessedDataset, credits: pd.DataFrame) -> dict[str, Any]:
    return {
        "films": len(credits),
        "films_covered": float(_is_covered(dataset, credits).mean()),
        "ratings_covered": covered_ratings(dataset, credits),
    }


def _is_covered(dataset: ProcessedDataset, credits: pd.DataFrame) -> pd.Series:
    films = dataset.movies
    return films[MOVIE].isin(credits[MOVIE]) | films[DUPLICATE_OF].isin(credits[MOVIE])


def covered_ratings(dataset: ProcessedDataset, credits: pd.DataFrame) -> float:
    """Return the share of ratings whose film is in `credits`, itself or as a second entry of a film there."""
    return float(_is_covered(dataset, credits).to_numpy()[dataset.movie_rows].mean())


def agreement(
    films: pd.DataFrame, credits: pd.DataFrame, reference_films: pd.DataFrame, reference: pd.DataFrame
) -> Agreement:
    """Compare `credits` of `films` with `reference`, credits of `reference_films`; films match by title and year."""
    matches = _matches(_only(films, credits), _only(reference_films, reference))
    names, reference_names = _by_movie(credits), _by_movie(reference)
    directed = same = shared = actors_checked = actors_confirmed = 0
    differences = []
    for movie, reference_movie in matches.items():
        checked, expected = names[movie], reference_names[reference_movie]
        directors, actors = _keys(checked[DIRECTORS]), _keys(checked[ACTORS])
        expected_directors, expected_actors = _keys(expected[DIRECTORS]), _keys(expected[ACTORS])
        directed += bool(directors)
        same += bool(directors) and directors == expected_directors
        shared += bool(directors & expected_directors)
        actors_checked += len(actors)
        actors_confirmed += len(actors & expected_actors)
        if (directors and directors != expected_directors) or actors - expected_actors:
            differences.append(f"{movie}: {_shown(checked)}; reference: {_shown(expected)}")
    count = max(directed, 1)
    confirmed_share = actors_confirmed / max(actors_checked, 1)
    return Agreement(len(matches), same / count, shared / count, confirmed_share, differences)


def _only(films: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """Return the films that have credits."""
    return films[films[MOVIE].isin(credits[MOVIE])]


def _matches(films: pd.DataFrame, reference_films: pd.DataFrame) -> dict[int, int]:
    """Return movie_id -> movie_id in the reference; of several entries of a film there, the first."""
    ids = reference_films[MOVIE].tolist()
    matches = match_films(films, film_records(reference_films))
    return {movie: ids[positions[0]] for movie, positions in matches.items()}


def _by_movie(credits: pd.DataFrame) -> dict[int, Names]:
    return {row[MOVIE]: {column: row[column] for column in (DIRECTORS, ACTORS)} for row in credits.to_dict("records")}


def _keys(names: list[str]) -> set[str]:
    return {normalise(name) for name in names}


def _shown(row: Names) -> str:
    return f"{', '.join(row[DIRECTORS])} ({', '.join(row[ACTORS])})"
