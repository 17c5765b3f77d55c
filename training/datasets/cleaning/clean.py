"""Raw tables to clean frames: titles, genres, duplicates; rows set aside and values mended are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.films.ids import IdMap
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
    TAG_ID,
    TIMESTAMP,
    TITLE,
    USER,
    YEAR,
)
from recommender.titles.keys import normalise
from training.datasets.cleaning import schemas
from training.datasets.cleaning.title_parsing import parse_title
from training.datasets.indexing import count_ids, distinct, rating_matrix
from training.datasets.quarantine import Quarantine
from training.datasets.tables import Genome, RawTables, Table

_GENRE_SYNONYMS = {"Children's": "Children"}
_NO_GENRE = {"", "unknown", "(no genres listed)"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass
class CleanFilms:
    """Clean frames of all but the ratings; `movies` lacks the entry that stands for each film, which they decide."""

    movies: pd.DataFrame
    movie_ids: IdMap
    user_tags: pd.DataFrame
    people: pd.DataFrame
    genome: Genome


@dataclass
class CleanRatings:
    """Clean ratings, their (n_users, n_movies) matrix, their users, and how many repeated ones were dropped."""

    ratings: pd.DataFrame
    user_item: sp.csr_matrix
    user_ids: IdMap
    repeated: int


def clean_films(raw: RawTables, quarantine: Quarantine) -> CleanFilms:
    """Clean what does not wait for the ratings. Raises DataError when too many rows are bad."""
    movies = _clean_movies(schemas.split_bad(raw.movies, schemas.movies_schema(), quarantine))
    movie_ids = IdMap(movies[MOVIE].to_numpy(dtype=np.int64))
    movies[IMDB_ID] = _imdb_ids(movies, schemas.split_bad(raw.links, schemas.links_schema(), quarantine))
    tags_schema = schemas.user_tags_schema(schemas.membership(movie_ids.ids))
    return CleanFilms(
        movies=movies,
        movie_ids=movie_ids,
        user_tags=schemas.split_bad(raw.user_tags, tags_schema, quarantine).frame,
        people=raw.people.frame,
        genome=clean_genome(raw.genome, quarantine),
    )


def clean_ratings(raw: RawTables, movie_ids: IdMap, quarantine: Quarantine, earliest: date | None) -> CleanRatings:
    """Wait for the ratings and clean them: of these films only, none older than `earliest`.

    Raises DataError when too many rows are bad or none is left.
    """
    schema = schemas.ratings_schema(schemas.membership(movie_ids.ids), earliest)
    ratings = schemas.split_bad(raw.ratings, schema, quarantine).frame
    if not len(ratings):
        raise DataError("No usable rating is left after cleaning. Check the raw files.")
    user_ids = distinct(ratings[USER].to_numpy())
    once, user_item = _each_pair_once(ratings, user_ids, movie_ids)
    return CleanRatings(once, user_item, user_ids, len(ratings) - len(once))


def clean_genome(genome: Genome, quarantine: Quarantine) -> Genome:
    """The genome without impossible scores."""
    tag_ids = genome.tags.frame[TAG_ID].to_numpy(dtype=np.int64)
    return Genome(schemas.split_bad(genome.scores, schemas.genome_scores_schema(tag_ids), quarantine), genome.tags)


def clean_genres(raw: Iterable[str]) -> list[str]:
    """Genres without repeats, sorted, "Children's" as "Children"; [] where the file says that it knows none."""
    names = (_GENRE_SYNONYMS.get(name.strip(), name.strip()) for name in raw)
    return sorted({name for name in names if name not in _NO_GENRE})


def with_canonical_entries(movies: pd.DataFrame, rated: NDArray[np.int32], movie_ids: IdMap) -> pd.DataFrame:
    """`movies` with the entry that stands for each film, told from `rated`, the movie_id of each rating."""
    return movies.assign(**{DUPLICATE_OF: canonical_entries(movies, count_ids(rated, movie_ids))})


def canonical_entries(movies: pd.DataFrame, rating_counts: NDArray[np.int64]) -> pd.Series:
    """(n_movies,) movie_id of the entry that stands for each film.

    Entries are one film when title (up to case, accents and punctuation) and year agree, unless the Internet Movie
    Database knows them as two; an entry without an id there goes with the most rated that has one. The most rated entry
    stands for all, on a tie the one with the lower id. A title without a year equals none.
    """
    keys = [normalise(title) for title in movies[TITLE]]
    columns = {"key": keys, "count": rating_counts} | {name: movies[name] for name in (MOVIE, YEAR, IMDB_ID)}
    dated = pd.DataFrame(columns)[movies[YEAR].notna()].sort_values(["count", MOVIE], ascending=[False, True])
    alike = dated.groupby(["key", YEAR], sort=False)[IMDB_ID].transform("first")
    dated[IMDB_ID] = dated[IMDB_ID].fillna(alike).fillna(0)
    best = dated.groupby(["key", YEAR, IMDB_ID], sort=False)[MOVIE].transform("first")
    return best.reindex(movies.index).fillna(movies[MOVIE]).astype("int32")


def _clean_movies(raw: Table) -> pd.DataFrame:
    """One row per film, ascending movie_id, titles taken apart and genres under one spelling."""
    frame = raw.frame.sort_values(MOVIE, kind="stable").reset_index(drop=True)
    titles = [_without_control(title).strip() for title in frame[ORIGINAL_TITLE].tolist()]
    parsed = [parse_title(title) for title in titles]
    return pd.DataFrame(
        {
            MOVIE: frame[MOVIE],
            TITLE: pd.Series([each.title for each in parsed], dtype="str"),
            ORIGINAL_TITLE: pd.Series(titles, dtype="str"),
            ALTERNATIVE_TITLES: pd.Series([list(each.alternatives) for each in parsed], dtype="object"),
            YEAR: pd.Series([each.year for each in parsed], dtype="Int32"),
            GENRES: pd.Series(_cleaned_genres(frame[GENRES]), dtype="object"),
            DIRECTORS: pd.Series([[] for _ in parsed], dtype="object"),
            ACTORS: pd.Series([[] for _ in parsed], dtype="object"),
        }
    )


def _without_control(title: str) -> str:
    return title if title.isprintable() else _CONTROL.sub(" ", title)


def _cleaned_genres(raw: Iterable[list[str]]) -> list[list[str]]:
    """Clean genres of all films; there are far fewer combinations than films."""
    known: dict[tuple[str, ...], list[str]] = {}
    combinations = (tuple(genres) for genres in raw)
    return [list(known.get(each) or known.setdefault(each, clean_genres(each))) for each in combinations]


def _each_pair_once(ratings: pd.DataFrame, user_ids: IdMap, movie_ids: IdMap) -> tuple[pd.DataFrame, sp.csr_matrix]:
    """Ratings with one row for each user and film, and their matrix."""
    matrix = _matrix(ratings, user_ids, movie_ids)
    if matrix.nnz < len(ratings):
        ratings = keep_latest(ratings)
        matrix = _matrix(ratings, user_ids, movie_ids)
    return ratings, matrix


def keep_latest(ratings: pd.DataFrame) -> pd.DataFrame:
    """Of several ratings of one film by one user the latest; on a tie the later in the file. The order stays."""
    repeated = ratings[ratings.duplicated([USER, MOVIE], keep=False)]
    by_time = repeated.sort_values(TIMESTAMP, kind="stable")
    dropped = by_time.index[by_time.duplicated([USER, MOVIE], keep="last")]
    return ratings.drop(dropped).reset_index(drop=True)


def _matrix(ratings: pd.DataFrame, user_ids: IdMap, movie_ids: IdMap) -> sp.csr_matrix:
    users, movies, stars = (ratings[column].to_numpy() for column in (USER, MOVIE, RATING))
    return rating_matrix(users, movies, stars, user_ids, movie_ids)


def _imdb_ids(movies: pd.DataFrame, links: Table) -> pd.Series:
    return movies[MOVIE].map(links.frame.set_index(MOVIE)[IMDB_ID]).astype("Int64")


def count_mended(movies: pd.DataFrame) -> dict[str, int]:
    """What cleaning decided or found missing, over all films."""
    return {
        "films_entered_twice": int((movies[DUPLICATE_OF] != movies[MOVIE]).sum()),
        "titles_without_year": int(movies[YEAR].isna().sum()),
        "films_without_genre": int((movies[GENRES].str.len() == 0).sum()),
        "films_with_other_titles": int((movies[ALTERNATIVE_TITLES].str.len() > 0).sum()),
    }
