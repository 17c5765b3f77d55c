"""Raw tables to clean frames: titles, genres, duplicates; what was changed or set aside is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from recommender.schema import (
    ACTORS,
    ALTERNATIVE_TITLES,
    DIRECTORS,
    DUPLICATE_OF,
    GENRES,
    IMDB_ID,
    MOVIE,
    ORIGINAL_TITLE,
    RATING,
    RATING_MAX,
    RATING_MIN,
    RATING_STEP,
    TIMESTAMP,
    TITLE,
    USER,
    YEAR,
)
from training.datasets.tables import RawTables, Reject
from training.datasets.title_parsing import parse_title, title_key

# Raised whenever the same input would give another result.
CLEANING_VERSION = 1

_GENRE_SYNONYMS = {"Children's": "Children"}
_NO_GENRE = {"", "unknown", "(no genres listed)"}


@dataclass
class CleanTables:
    """Clean frames, the rows set aside, and counts of what was mended."""

    ratings: pd.DataFrame
    movies: pd.DataFrame
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def clean(raw: RawTables) -> CleanTables:
    """Clean `raw`: see the module's functions for each rule."""
    counts: Counter[str] = Counter()
    movies = clean_movies(raw.movies)
    ratings = keep_latest(check_ratings(raw.ratings, movies), counts)
    movies[DUPLICATE_OF] = canonical_entries(movies, ratings)
    counts["duplicate_films"] = int((movies[DUPLICATE_OF] != movies[MOVIE]).sum())
    counts["titles_without_year"] = int(movies[YEAR].isna().sum())
    counts["films_without_genre"] = int((movies[GENRES].str.len() == 0).sum())
    movies = movies.merge(raw.links.drop_duplicates(MOVIE), on=MOVIE, how="left")
    movies[IMDB_ID] = movies[IMDB_ID].astype("Int64")
    return CleanTables(ratings, movies, list(raw.rejects), counts)


def clean_movies(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per film, ascending movie_id, titles taken apart and genres under one spelling."""
    frame = raw.sort_values(MOVIE, kind="stable").reset_index(drop=True)
    parsed = [parse_title(title) for title in frame[ORIGINAL_TITLE]]
    return pd.DataFrame(
        {
            MOVIE: frame[MOVIE].astype("int32"),
            TITLE: pd.Series([each.title for each in parsed], dtype="str"),
            ORIGINAL_TITLE: frame[ORIGINAL_TITLE].str.strip(),
            ALTERNATIVE_TITLES: pd.Series([list(each.alternatives) for each in parsed], dtype="object"),
            YEAR: pd.Series([each.year for each in parsed], dtype="Int32"),
            GENRES: pd.Series([clean_genres(genres) for genres in frame[GENRES]], dtype="object"),
            DIRECTORS: pd.Series([[] for _ in parsed], dtype="object"),
            ACTORS: pd.Series([[] for _ in parsed], dtype="object"),
        }
    )


def clean_genres(raw: list[str]) -> list[str]:
    """Genres without repeats, sorted, "Children's" as "Children"; [] where the file says that it knows none."""
    names = (_GENRE_SYNONYMS.get(name.strip(), name.strip()) for name in raw)
    return sorted({name for name in names if name not in _NO_GENRE})


def check_ratings(ratings: pd.DataFrame, movies: pd.DataFrame) -> pd.DataFrame:
    """Ratings on the scale, with non-negative ids and a film that exists."""
    stars = ratings[RATING].to_numpy()
    on_scale = (stars >= RATING_MIN) & (stars <= RATING_MAX) & (np.mod(stars, RATING_STEP) == 0)
    good = on_scale & (ratings[USER].to_numpy() >= 0) & ratings[MOVIE].isin(movies[MOVIE]).to_numpy()
    return ratings if good.all() else ratings[good].reset_index(drop=True)


def keep_latest(ratings: pd.DataFrame, counts: Counter[str]) -> pd.DataFrame:
    """Of several ratings of one film by one user the latest; ties by file order, the later one."""
    repeated = ratings.duplicated([USER, MOVIE], keep=False)
    if not repeated.any():
        return ratings
    order = ratings[repeated].sort_values(TIMESTAMP, kind="stable")
    dropped = order.index[order.duplicated([USER, MOVIE], keep="last")]
    counts["duplicate_ratings"] = len(dropped)
    return ratings.drop(dropped).reset_index(drop=True)


def canonical_entries(movies: pd.DataFrame, ratings: pd.DataFrame) -> pd.Series:
    """(n_movies,) movie_id of the entry that stands for each film.

    Entries are one film when title (up to case, accents and punctuation) and year agree; the most rated entry stands
    for all, on a tie the one with the lower id. A title without a year equals none.
    """
    counted = ratings[MOVIE].value_counts()
    frame = pd.DataFrame(
        {
            MOVIE: movies[MOVIE],
            "key": [title_key(title) for title in movies[TITLE]],
            YEAR: movies[YEAR],
            "count": movies[MOVIE].map(counted).fillna(0),
        }
    )
    dated = frame[frame[YEAR].notna()]
    best = dated.sort_values(["count", MOVIE], ascending=[False, True]).drop_duplicates(["key", YEAR])
    merged = dated.merge(best[["key", YEAR, MOVIE]], on=["key", YEAR], suffixes=("", "_best"), how="left")
    result = movies[MOVIE].copy()
    result.loc[dated.index] = merged[f"{MOVIE}_best"].to_numpy()
    return result.astype("int32")
