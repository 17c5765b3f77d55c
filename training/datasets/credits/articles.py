"""Film articles, matched to films by title and year: they add their text, and credits that the data set lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.schema import ACTORS, ALTERNATIVE_TITLES, DIRECTORS, MOVIE, TEXT, TITLE, YEAR
from recommender.titles.keys import normalise
from training.datasets.credits.table import MAX_ACTORS
from training.datasets.readers.wikipedia import Article

_APART = ((0,), (-1, 1))  # editions differ by a year for many films; the same year counts first

Key = tuple[str, int]


def with_articles(
    movies: pd.DataFrame, articles: list[Article], rating_counts: NDArray[np.int64]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return `movies` with the articles' texts in the column TEXT ("" without one), and a report.

    Directors and actors are filled in where a film has none. A film matches the article of its title and year; where
    several have them, it gets none. `rating_counts`: (n_movies,) for the share of ratings that the report gives.
    """
    positions = match_films(movies, (article.record for article in articles))
    matched = {movie: articles[rows[0]] for movie, rows in positions.items() if len(rows) == 1}
    ambiguous = movies[MOVIE].isin([movie for movie, rows in positions.items() if len(rows) > 1])
    by_film = [matched.get(movie) for movie in movies[MOVIE]]
    result = movies.assign(
        **{TEXT: pd.Series([article.extract if article else "" for article in by_film], dtype="str")}
    )
    filled = {}
    for column, names in (
        (DIRECTORS, [article.directors if article else [] for article in by_film]),
        (ACTORS, [article.actors[:MAX_ACTORS] if article else [] for article in by_film]),
    ):
        pairs = list(zip(movies[column], names, strict=True))
        result[column] = pd.Series([known or new for known, new in pairs], dtype="object")
        filled[f"{column}_filled"] = sum(bool(new) and not known for known, new in pairs)
    has_article = np.array([article is not None for article in by_film])
    return result, {
        "articles": len(articles),
        "matched_films": len(matched),
        "ambiguous_films": movies.loc[ambiguous, TITLE].tolist(),
        "unmatched_films": len(movies) - len(positions),
        "films_covered": float(has_article.mean()),
        "ratings_covered": float(rating_counts[has_article].sum() / max(rating_counts.sum(), 1)),
        **filled,
    }


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
            titles = [normalise(str(title)) for title in (row[TITLE], *row[ALTERNATIVE_TITLES])]
            keys = [(title, int(row[YEAR]) + apart) for apart in years_apart for title in titles]
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
