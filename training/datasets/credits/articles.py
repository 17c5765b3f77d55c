"""Add film articles to a data set: their text, and the credits that the data set lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.schema import ACTORS, DIRECTORS, MOVIE, TEXT, TITLE
from training.datasets.credits.matching import match_films
from training.datasets.credits.table import MAX_ACTORS
from training.datasets.readers.wikipedia import Article


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
        result[column] = pd.Series([own or new for own, new in zip(movies[column], names, strict=True)], dtype="object")
        filled[f"{column}_filled"] = sum(bool(new) and not own for own, new in zip(movies[column], names, strict=True))
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
