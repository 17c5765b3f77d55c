"""Extend a table of film credits from film articles: only names that a second source confirms."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.files import write_text
from recommender.schema import ACTORS, DIRECTORS, MOVIE, ORIGINAL_TITLE
from recommender.titles.keys import normalise
from training.datasets.credits.matching import film_records, match_films
from training.datasets.readers.wikipedia import Article

ACTORS_IN_TABLE = 3  # leading ones
_HEADER = ("movieId", "title", "directors", "actors")

Names = dict[str, list[str]]


def extend_table(
    table: Path, films: pd.DataFrame, articles: list[Article], reference_films: pd.DataFrame, reference: pd.DataFrame
) -> dict[str, Any]:
    """Add `films` to the credits in the CSV `table`, and return how many were added or why not.

    A film is added where exactly one article has its title and year, and the article's directors are exactly those of
    `reference`, the credits of `reference_films`; or where the article names no director, but actors whom the reference
    names too. Of the actors, the first ACTORS_IN_TABLE that both name are added. Rows of the table stay as they are;
    people in it keep their spelling.
    """
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    spelling = {normalise(name): name for row in rows for column in _HEADER[2:] for name in row[column].split("|")}
    listed = {int(row["movieId"]) for row in rows}
    missing = films[~films[MOVIE].isin(listed)]
    article_positions = match_films(missing, [article.record for article in articles])
    confirmed = _reference_names(missing, reference_films, reference)
    outcomes: Counter[str] = Counter(added=0, added_without_director=0, without_article=0, ambiguous=0, unconfirmed=0)
    for movie, title in zip(missing[MOVIE], missing[ORIGINAL_TITLE], strict=True):
        positions = article_positions.get(movie, [])
        if len(positions) != 1:
            outcomes["ambiguous" if positions else "without_article"] += 1
            continue
        article, names = articles[positions[0]], confirmed.get(movie, {DIRECTORS: [], ACTORS: []})
        actors = [name for name in article.actors if normalise(name) in _keys(names[ACTORS])][:ACTORS_IN_TABLE]
        is_confirmed = _keys(article.directors) == _keys(names[DIRECTORS]) if article.directors else bool(actors)
        if not is_confirmed:
            outcomes["unconfirmed"] += 1
            continue
        people = [[spelling.setdefault(normalise(n), n) for n in column] for column in (article.directors, actors)]
        rows.append(dict(zip(_HEADER, [str(movie), title, *map("|".join, people)], strict=True)))
        outcomes["added" if article.directors else "added_without_director"] += 1
    _write(table, rows)
    return {f"films_{outcome}": count for outcome, count in outcomes.items()}


def _reference_names(films: pd.DataFrame, reference_films: pd.DataFrame, reference: pd.DataFrame) -> dict[int, Names]:
    """Return the reference's directors and actors of each film that it has under exactly one title and year."""
    listed = reference_films[reference_films[MOVIE].isin(reference[MOVIE])]
    ids = listed[MOVIE].tolist()
    names = {row[MOVIE]: {DIRECTORS: row[DIRECTORS], ACTORS: row[ACTORS]} for row in reference.to_dict("records")}
    matches = match_films(films, film_records(listed))
    return {movie: names[ids[positions[0]]] for movie, positions in matches.items() if len(positions) == 1}


def _keys(names: list[str]) -> set[str]:
    return {normalise(name) for name in names}


def _write(table: Path, rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: int(row["movieId"])))
    write_text(table, buffer.getvalue())
