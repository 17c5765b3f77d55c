"""Clean the raw tables: titles, genres, duplicates; every rejected row and mended value is counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.feedback import Feedback
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
from training.datasets.indexing import count_ids, distinct_ids, rating_matrix, slices
from training.datasets.quarantine import Quarantine
from training.datasets.scales import find_scale
from training.datasets.tables import Genome, RawTables, Table

_GENRE_SYNONYMS = {"Children's": "Children"}
_NO_GENRE = {"", "unknown", "(no genres listed)"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass
class CleanFilms:
    """Clean tables of everything but the ratings; `movies` lacks `duplicate_of`, which depends on rating counts."""

    movies: pd.DataFrame
    movie_ids: IdMap
    user_tags: pd.DataFrame
    people: pd.DataFrame
    genome: Genome


@dataclass
class CleanRatings:
    """Clean ratings, their (n_users, n_movies) matrix, their users, and the number of repeated ratings dropped."""

    ratings: pd.DataFrame
    user_item: sp.csr_matrix
    user_ids: IdMap
    repeated: int


def clean_films(raw: RawTables, quarantine: Quarantine) -> CleanFilms:
    """Clean every table but the ratings. Raises DataError if too many rows are bad."""
    movies = _clean_movies(schemas.split_bad(raw.movies, schemas.movies_schema(), quarantine))
    movie_ids = IdMap(movies[MOVIE].to_numpy(dtype=np.int64))
    links = schemas.split_bad(raw.links, schemas.links_schema(), quarantine).frame.set_index(MOVIE)
    movies[IMDB_ID] = movies[MOVIE].map(links[IMDB_ID]).astype("Int64")
    tags_schema = schemas.user_tags_schema(movie_ids.ids)
    return CleanFilms(
        movies=movies,
        movie_ids=movie_ids,
        user_tags=schemas.split_bad(raw.user_tags, tags_schema, quarantine).frame,
        people=raw.people.frame,
        genome=clean_genome(raw.genome, quarantine),
    )


def clean_ratings(
    raw: RawTables, movie_ids: IdMap, quarantine: Quarantine, earliest: date | None, feedback: Feedback
) -> pd.DataFrame:
    """Wait for the raw ratings and return those of known films on the scale, none older than `earliest`.

    Raises DataError if too many rows are bad or none is left, or if the ratings are on another scale.
    """
    _require_scale(raw.ratings, quarantine.allowed, feedback)
    if not raw.ratings.frame[TIMESTAMP].to_numpy().any():  # no rating has a time
        earliest = None
    ratings = schemas.split_bad(
        raw.ratings, schemas.ratings_schema(movie_ids.ids, earliest, feedback), quarantine
    ).frame
    if not len(ratings):
        raise DataError("No usable rating is left after cleaning. Check the raw files.")
    return ratings


def without_repeats(ratings: pd.DataFrame, movie_ids: IdMap) -> CleanRatings:
    """Return the latest rating of each user and film, with their matrix."""
    user_ids = distinct_ids(ratings[USER].to_numpy())
    unique_ratings, user_item = ratings, _matrix(ratings, user_ids, movie_ids)
    if user_item.nnz < len(ratings):
        unique_ratings = keep_latest(ratings)
        user_item = _matrix(unique_ratings, user_ids, movie_ids)
    return CleanRatings(unique_ratings, user_item, user_ids, len(ratings) - len(unique_ratings))


def _require_scale(ratings: Table, allowed: float, scale: Feedback) -> None:
    """Raise DataError, which names the scale that the ratings have, if more than `allowed` are off the expected one."""
    stars = ratings.frame[RATING].to_numpy()
    off_scale = sum(int(np.count_nonzero(~schemas.is_on_scale(stars[span], scale))) for span in slices(len(stars)))
    actual_scale = find_scale(stars) if off_scale > allowed else None
    if actual_scale is not None:
        raise DataError(
            f"Expected ratings from {scale.minimum:g} to {scale.maximum:g} in steps of {scale.step:g} in "
            f"{ratings.path}; found {actual_scale} ({off_scale:,} of {len(stars):,} are off the expected scale). "
            f"If that is their scale, name it with {actual_scale.option}."
        )


def clean_genome(genome: Genome, quarantine: Quarantine) -> Genome:
    """Return the tag genome without impossible scores. Raises DataError if too many rows are bad."""
    tag_ids = genome.tags.frame[TAG_ID].to_numpy(dtype=np.int64)
    return Genome(schemas.split_bad(genome.scores, schemas.genome_scores_schema(tag_ids), quarantine), genome.tags)


@cache
def _clean_genres(raw: tuple[str, ...]) -> list[str]:
    """Return distinct genres, sorted, with "Children's" as "Children"; [] if the file says that there are none."""
    names = (_GENRE_SYNONYMS.get(name.strip(), name.strip()) for name in raw)
    return sorted({name for name in names if name not in _NO_GENRE})


def with_canonical_entries(movies: pd.DataFrame, rated_ids: NDArray[np.int32], movie_ids: IdMap) -> pd.DataFrame:
    """Add `duplicate_of`, the movie_id of the most rated entry of the same film; `rated_ids`: movie_id of each rating.

    Entries are one film if title (up to case, accents and punctuation) and year agree and their ids at the Internet
    Movie Database do not differ; an entry without such an id joins the most rated one that has an id. Of equally rated
    entries the lower movie_id wins. An entry without a year has no duplicates.
    """
    columns = {"key": [normalise(title) for title in movies[TITLE]], "count": count_ids(rated_ids, movie_ids)}
    columns |= {name: movies[name] for name in (MOVIE, YEAR, IMDB_ID)}
    dated = pd.DataFrame(columns)[movies[YEAR].notna()].sort_values(["count", MOVIE], ascending=[False, True])
    shared_id = dated.groupby(["key", YEAR], sort=False)[IMDB_ID].transform("first")
    dated[IMDB_ID] = dated[IMDB_ID].fillna(shared_id).fillna(0)
    most_rated = dated.groupby(["key", YEAR, IMDB_ID], sort=False)[MOVIE].transform("first")
    entries = most_rated.reindex(movies.index).fillna(movies[MOVIE]).astype("int32")
    return movies.assign(**{DUPLICATE_OF: entries})


def _clean_movies(raw: Table) -> pd.DataFrame:
    """Return one row per film, ascending movie_id, with titles parsed and genres in one spelling."""
    frame = raw.frame.sort_values(MOVIE, kind="stable").reset_index(drop=True)
    titles = [_CONTROL.sub(" ", title).strip() for title in frame[ORIGINAL_TITLE].tolist()]
    parsed_titles = [parse_title(title) for title in titles]
    return pd.DataFrame(
        {
            MOVIE: frame[MOVIE],
            TITLE: pd.Series([parsed.title for parsed in parsed_titles], dtype="str"),
            ORIGINAL_TITLE: pd.Series(titles, dtype="str"),
            ALTERNATIVE_TITLES: pd.Series([list(parsed.alternatives) for parsed in parsed_titles], dtype="object"),
            YEAR: pd.Series([parsed.year for parsed in parsed_titles], dtype="Int32"),
            GENRES: pd.Series([list(_clean_genres(tuple(genres))) for genres in frame[GENRES]], dtype="object"),
            DIRECTORS: pd.Series([[] for _ in parsed_titles], dtype="object"),
            ACTORS: pd.Series([[] for _ in parsed_titles], dtype="object"),
        }
    )


def keep_latest(ratings: pd.DataFrame) -> pd.DataFrame:
    """Keep only the latest rating per user and film, on a tie the later in the file, without changing the order."""
    repeated = ratings[ratings.duplicated([USER, MOVIE], keep=False)]
    by_time = repeated.sort_values(TIMESTAMP, kind="stable")
    dropped = by_time.index[by_time.duplicated([USER, MOVIE], keep="last")]
    return ratings.drop(dropped).reset_index(drop=True)


def _matrix(ratings: pd.DataFrame, user_ids: IdMap, movie_ids: IdMap) -> sp.csr_matrix:
    users, movies, stars = (ratings[column].to_numpy() for column in (USER, MOVIE, RATING))
    return rating_matrix(users, movies, stars, user_ids, movie_ids)


def count_mended(movies: pd.DataFrame) -> dict[str, int]:
    """Count duplicates, missing years and genres, and alternative titles over all films."""
    return {
        "films_entered_twice": int((movies[DUPLICATE_OF] != movies[MOVIE]).sum()),
        "titles_without_year": int(movies[YEAR].isna().sum()),
        "films_without_genre": int((movies[GENRES].str.len() == 0).sum()),
        "films_with_other_titles": int((movies[ALTERNATIVE_TITLES].str.len() > 0).sum()),
    }
