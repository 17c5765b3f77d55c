"""Check a table of film credits: its coverage of a data set, and its agreement with a table of another edition.

On request, the table is extended from film articles first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.errors import MissingInputError
from recommender.files import write_text
from recommender.schema import ACTORS, DIRECTORS, DUPLICATE_OF, MOVIE, ORIGINAL_TITLE
from recommender.titles.keys import normalise
from training.datasets.cleaning.clean import clean_films
from training.datasets.credits.articles import film_records, match_films
from training.datasets.credits.table import read_credits
from training.datasets.dataset import ProcessedDataset
from training.datasets.quarantine import Quarantine
from training.datasets.readers import read_raw, wikipedia
from training.datasets.readers.wikipedia import Article
from training.datasets.sources import default_credits
from training.datasets.store import load_dataset

ACTORS_IN_TABLE = 3  # leading ones
_HEADER = ("movieId", "title", "directors", "actors")

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
    """Count as covered also a second entry of a film that has credits."""
    films = dataset.movies
    is_covered = (films[MOVIE].isin(credits[MOVIE]) | films[DUPLICATE_OF].isin(credits[MOVIE])).to_numpy()
    return {
        "films": len(credits),
        "films_covered": float(is_covered.mean()),
        "ratings_covered": float(is_covered[dataset.movie_rows].mean()),
    }


def agreement(
    films: pd.DataFrame, credits: pd.DataFrame, reference_films: pd.DataFrame, reference: pd.DataFrame
) -> Agreement:
    """Compare `credits` of `films` with `reference`, credits of `reference_films`; films match by title and year."""
    names = _by_movie(credits)
    matches = _reference_names(films[films[MOVIE].isin(credits[MOVIE])], reference_films, reference)
    directed = same = shared = actors_checked = actors_confirmed = 0
    differences = []
    for movie, (expected, *_) in matches.items():
        checked = names[movie]
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


def extend_table(
    table: Path, films: pd.DataFrame, articles: list[Article], reference_films: pd.DataFrame, reference: pd.DataFrame
) -> dict[str, Any]:
    """Add `films` to the credits in the CSV `table`, and return how many were added or why not.

    A film is added where exactly one article has its title and year, and the article's directors are exactly those of
    `reference`, the credits of `reference_films`; or where the article names no director, but actors whom the reference
    names too. Of the actors, the first ACTORS_IN_TABLE that both name are added. Rows of the table stay as they are;
    people in it keep their spelling.
    """
    rows = pd.read_csv(table, dtype="str", keep_default_na=False).to_dict("records")
    spelling = {normalise(name): name for row in rows for column in _HEADER[2:] for name in row[column].split("|")}
    missing = films[~films[MOVIE].isin([int(row["movieId"]) for row in rows])]
    article_positions = match_films(missing, [article.record for article in articles])
    references = _reference_names(missing, reference_films, reference)
    outcomes: Counter[str] = Counter(added=0, added_without_director=0, without_article=0, ambiguous=0, unconfirmed=0)
    for movie, title in zip(missing[MOVIE], missing[ORIGINAL_TITLE], strict=True):
        positions, confirmed = article_positions.get(movie, []), references.get(movie, [])
        if len(positions) != 1:
            outcomes["ambiguous" if positions else "without_article"] += 1
            continue
        article, names = articles[positions[0]], confirmed[0] if len(confirmed) == 1 else {DIRECTORS: [], ACTORS: []}
        actors = [name for name in article.actors if normalise(name) in _keys(names[ACTORS])][:ACTORS_IN_TABLE]
        is_confirmed = _keys(article.directors) == _keys(names[DIRECTORS]) if article.directors else bool(actors)
        if not is_confirmed:
            outcomes["unconfirmed"] += 1
            continue
        people = [[spelling.setdefault(normalise(n), n) for n in column] for column in (article.directors, actors)]
        rows.append(dict(zip(_HEADER, [str(movie), title, *map("|".join, people)], strict=True)))
        outcomes["added" if article.directors else "added_without_director"] += 1
    rows.sort(key=lambda row: int(row["movieId"]))
    write_text(table, pd.DataFrame(rows, columns=list(_HEADER)).to_csv(index=False, lineterminator="\n"))
    return {f"films_{outcome}": count for outcome, count in outcomes.items()}


def _reference_names(
    films: pd.DataFrame, reference_films: pd.DataFrame, reference: pd.DataFrame
) -> dict[int, list[Names]]:
    """Return directors and actors of all films of the reference that have a film's title and year, by movie_id."""
    listed = reference_films[reference_films[MOVIE].isin(reference[MOVIE])]
    ids, names = listed[MOVIE].tolist(), _by_movie(reference)
    matches = match_films(films, film_records(listed))
    return {movie: [names[ids[position]] for position in positions] for movie, positions in matches.items()}


def _by_movie(credits: pd.DataFrame) -> dict[int, Names]:
    return {row[MOVIE]: {column: row[column] for column in (DIRECTORS, ACTORS)} for row in credits.to_dict("records")}


def _keys(names: list[str]) -> set[str]:
    return {normalise(name) for name in names}


def _shown(row: Names) -> str:
    return f"{', '.join(row[DIRECTORS])} ({', '.join(row[ACTORS])})"
