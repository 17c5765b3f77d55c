"""Film credits (directors, leading actors) from a CSV: `movieId`, `directors`, `actors`, names joined by `|`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recommender.errors import DataError, MissingInputError
from recommender.schema import ACTORS, DIRECTORS, DUPLICATE_OF, MOVIE


def read_credits(path: Path) -> pd.DataFrame:
    """movie_id, directors and actors (lists of str). Raises MissingInputError or DataError."""
    if not path.is_file():
        raise MissingInputError(f"Expected a credits file at {path}; it is not there. Leave --credits out, or mend it.")
    frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    missing = {"movieId", DIRECTORS, ACTORS} - set(frame.columns)
    if missing:
        raise DataError(f"Expected the columns movieId, directors, actors in {path}; missing: {sorted(missing)}.")
    return pd.DataFrame(
        {
            MOVIE: frame["movieId"].astype("int32"),
            DIRECTORS: [_names(text) for text in frame[DIRECTORS]],
            ACTORS: [_names(text) for text in frame[ACTORS]],
        }
    )


def with_credits(movies: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """`movies` with the directors and actors that `credits` names; an entry of the same film lends its credits."""
    known = credits.drop_duplicates(MOVIE).set_index(MOVIE)
    result = movies.copy()
    for column in (DIRECTORS, ACTORS):
        by_movie = known[column].to_dict()
        result[column] = pd.Series(
            [by_movie.get(movie, by_movie.get(same, [])) for movie, same in _entries(movies)], dtype="object"
        )
    return result


def _entries(movies: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(movies[MOVIE].tolist(), movies[DUPLICATE_OF].tolist(), strict=True))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split("|") if name.strip()))
