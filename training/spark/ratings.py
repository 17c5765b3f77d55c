"""Read and clean ratings with Spark, for files too large for one machine, as a processed data set.

The rules are those of `training.datasets`: rows that are no rating of a known film are dropped and counted, and of
several ratings of one film by one user the latest is kept. Files on a cluster have no order, so ratings are sorted
by user, time and film, and of two at the same time the higher is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recommender.errors import DataError, UsageError
from recommender.feedback import Feedback
from recommender.schema import MOVIE, RATING, RATING_DTYPES, TIMESTAMP, USER
from training.datasets.cleaning.clean import with_canonical_entries
from training.datasets.config import load_processing_config
from training.datasets.indexing import distinct_ids
from training.datasets.store import ProcessedDataset
from training.spark.cluster import connect, open_exchange

# MovieLens's own names and the processed tables'; upper and lower case are one to Spark.
_NAMES = {USER: ("userId", USER), MOVIE: ("movieId", MOVIE), RATING: (RATING,), TIMESTAMP: (TIMESTAMP,)}
_ROUNDING = 1e-3  # steps: a rating of 0.3 is a float
_TYPES = {"int32": "int", "int64": "bigint", "float32": "float"}


def read_dataset(
    address: str, films: ProcessedDataset, *, master: str = "local[*]", exchange: str | None = None
) -> ProcessedDataset:
    """Return the data set `films` with its ratings replaced by those at `address`, which Spark reads and cleans.

    `address`: file, directory or pattern at any address that Spark reads; CSV with a header where the name holds
    ".csv", else Parquet. Raises DataError if columns are missing or too many rows are bad, UsageError where the ids of
    films are text.
    """
    if films.movie_ids.is_text or films.user_ids.is_text:
        raise UsageError(
            f"Spark reads ratings with integer ids, and {films.name} has ids that are text. Train without --ratings."
        )
    with connect(master) as spark, open_exchange(spark, exchange) as (shared, _):
        rows = _read(spark, address)
        known_movies = spark.createDataFrame([(int(movie),) for movie in films.movie_ids.ids], f"{MOVIE} int")
        good = _good(rows, films.feedback).join(known_movies, MOVIE, "left_semi").cache()
        try:
            _check_share(address, rows.count(), good.count())
            files = shared.receive(_latest(good), "ratings")
        finally:
            good.unpersist()
        return _replace_ratings(films, files)


def _read(spark: Any, address: str) -> Any:
    """Read the four columns with our names and types; what is not a number becomes null."""
    from pyspark.sql import functions as sql

    raw = spark.read.csv(address, header=True) if ".csv" in address else spark.read.parquet(address)
    raw_names = {name.lower(): name for name in raw.columns}
    columns = []
    for name, spellings in _NAMES.items():
        raw_name = next((raw_names[spelling.lower()] for spelling in spellings if spelling.lower() in raw_names), None)
        if raw_name is None:
            raise DataError(f"Expected the column {' or '.join(spellings)} in {address}, found {sorted(raw.columns)}.")
        columns.append(sql.col(raw_name).try_cast(_TYPES[RATING_DTYPES[name]]).alias(name))
    return raw.select(*columns)


def _good(rows: Any, feedback: Feedback) -> Any:
    """Keep the rows in which every value is possible: a step of the scale, or a positive weight of an event."""
    from pyspark.sql import functions as sql

    rating = sql.col(RATING)
    if feedback.has_ratings:
        steps = (rating - feedback.minimum) / feedback.step
        possible = rating.between(feedback.minimum, feedback.maximum) & (sql.abs(steps - sql.round(steps)) < _ROUNDING)
    else:
        possible = rating > 0
    return rows.where(possible & (sql.col(USER) >= 0) & (sql.col(TIMESTAMP) >= 0))


def _latest(rows: Any) -> Any:
    """Keep the latest rating of each user and film, sorted by user, time and film."""
    from pyspark.sql import functions as sql

    latest = rows.groupBy(USER, MOVIE).agg(sql.max(sql.struct(TIMESTAMP, RATING)).alias("latest"))
    return latest.select(USER, MOVIE, f"latest.{RATING}", f"latest.{TIMESTAMP}").orderBy(USER, TIMESTAMP, MOVIE)


def _check_share(address: str, rows: int, good: int) -> None:
    limit = load_processing_config().max_bad_share
    if rows - good > limit * rows:
        raise DataError(
            f"{rows - good} of {rows} rows of {address} are no ratings of known films; at most {limit:.1%} may be."
        )
    if not good:
        raise DataError(f"{address} holds no usable rating of a known film.")


def _replace_ratings(films: ProcessedDataset, files: Sequence[Path]) -> ProcessedDataset:
    table = pa.concat_tables(pq.read_table(file) for file in files)
    columns = {name: table[name].to_numpy().astype(dtype) for name, dtype in RATING_DTYPES.items()}
    digest = hashlib.sha256(films.fingerprint.encode())
    for column in columns.values():
        digest.update(column)
    return replace(
        films,
        fingerprint=digest.hexdigest(),
        movies=with_canonical_entries(films.movies, columns[MOVIE], films.movie_ids),
        ratings=pd.DataFrame(columns),
        user_ids=distinct_ids(columns[USER]),
    )
