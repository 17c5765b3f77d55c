"""Pandera schemas of the raw tables, and the split of a table into good and bad rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from recommender.feedback import MOVIELENS, Feedback
from recommender.films.ids import TEXT_BYTES
from recommender.schema import GENRES, IMDB_ID, MOVIE, ORIGINAL_TITLE, RATING, RELEVANCE, TAG, TAG_ID, TIMESTAMP, USER
from training.datasets.indexing import slices
from training.datasets.quarantine import Quarantine
from training.datasets.tables import Table

MAX_TITLE = 500  # characters; the longest real one has 160
MAX_TAG = 1000
MISSING, TOO_LONG, HAS_CONTROL = -1, -2, -3  # codes of ids that are none
_ROUNDING = 1e-3  # of a scale's step: 0.1 has no exact binary form
_TABLE_LIMIT = 1 << 26

Check = tuple[str, Callable[[Any], Any]]  # why a value is refused, and which values (n,) are good


def split_bad(table: Table, schema: pa.DataFrameSchema, quarantine: Quarantine) -> Table:
    """Return `table` without the rows that break `schema`; `quarantine` gets those, each with its first reason."""
    try:
        schema.validate(table.frame, lazy=True, inplace=True)
    except pa.errors.SchemaErrors as errors:
        failures = errors.failure_cases.drop_duplicates("index").sort_values("index")
        rows = failures["index"].to_numpy(dtype=np.int64)
        quarantine.add_rows(table, rows, [str(reason) for reason in failures["check"]])
        good_rows = np.delete(np.arange(len(table)), rows)
        return replace(
            table, frame=table.frame.iloc[good_rows].reset_index(drop=True), lines=table.line_numbers(good_rows)
        )
    return table


def movies_schema() -> pa.DataFrameSchema:
    """Return the schema of raw movies: a non-negative id that occurs once, and a title."""
    return pa.DataFrameSchema(
        {
            MOVIE: _column(
                "int32", ("movie id is negative", lambda ids: ids >= 0), ("movie id stands twice", _is_first)
            ),
            ORIGINAL_TITLE: _column("str", *_text_checks("title", MAX_TITLE)),
            GENRES: pa.Column("object"),
        }
    )


def ratings_schema(
    movie_ids: NDArray[np.int64], earliest: date | None, feedback: Feedback = MOVIELENS
) -> pa.DataFrameSchema:
    """Return the schema of ratings: on the scale of `feedback`, of a known film, at a possible time."""
    first, last = _time_range(earliest)
    low, high, steps = feedback.minimum, feedback.maximum, np.float32(1 / feedback.step)
    return pa.DataFrameSchema(
        {
            USER: _numbers("int32", ("user id is negative", lambda ids: ids >= 0)),
            MOVIE: _numbers("int32", ("movie is not in the movies file", _membership(movie_ids))),
            RATING: _numbers(
                "float32",
                ("rating is not a number", lambda stars: ~np.isnan(stars)),
                ("rating is outside the scale", lambda stars: (stars >= low) & (stars <= high)),
                ("rating is between two steps", lambda stars: _is_on_a_step((stars - low) * steps)),
            ),
            TIMESTAMP: _numbers("int64", ("timestamp is impossible", lambda times: (times >= first) & (times <= last))),
        }
    )


def interactions_schema(feedback: Feedback, has_steps: bool) -> pa.DataFrameSchema:
    """Return the schema of interactions of any source: codes of ids, numbers and times, NaN where one is missing.

    `has_steps`: whether a rating between two steps of the scale is wrong.
    """
    first, last = _time_range(None)
    low, high, step = feedback.minimum, feedback.maximum, feedback.step
    values: list[Check]
    if feedback.kind == "ratings":
        values = [
            ("rating is missing or not a number", np.isfinite),
            (f"rating is outside the scale from {low:g} to {high:g}", lambda stars: (stars >= low) & (stars <= high)),
        ]
    else:
        values = [
            ("weight is missing or not a number", np.isfinite),
            ("weight is negative", lambda weights: weights >= 0),
        ]
    if has_steps:
        values += [(f"rating is between two steps of {step:g}", lambda stars: _is_on_a_step((stars - low) / step))]
    return pa.DataFrameSchema(
        {
            USER: _column("int32", *_id_checks("user")),
            MOVIE: _column("int32", *_id_checks("item")),
            RATING: _column("float64", *values),
            TIMESTAMP: _column(
                "float64",
                ("time is missing or not understood", np.isfinite),
                ("time is impossible", lambda times: (times >= first) & (times <= last)),
            ),
        }
    )


def items_schema() -> pa.DataFrameSchema:
    """Return the schema of items of any source: a code of an id that occurs once."""
    return pa.DataFrameSchema({MOVIE: _column("int32", *_id_checks("item"), ("item id stands twice", _is_first))})


def user_tags_schema(movie_ids: NDArray[np.int64]) -> pa.DataFrameSchema:
    """Return the schema of user tags: some text for a known film."""
    return pa.DataFrameSchema(
        {
            USER: _numbers("int32", ("user id is negative", lambda ids: ids >= 0)),
            MOVIE: _numbers("int32", ("movie is not in the movies file", _membership(movie_ids))),
            TAG: _column("str", *_text_checks("tag", MAX_TAG)),
            TIMESTAMP: _column("int64"),
        }
    )


def links_schema() -> pa.DataFrameSchema:
    """Return the schema of links: one row per film; the id at the Internet Movie Database may be missing."""
    return pa.DataFrameSchema(
        {
            MOVIE: _column("int32", ("movie id stands twice", _is_first)),
            IMDB_ID: pa.Column("Int64", pa.Check(lambda ids: ids > 0, error="imdb id is not positive"), nullable=True),
        }
    )


def genome_scores_schema(tag_ids: NDArray[np.int64]) -> pa.DataFrameSchema:
    """Return the schema of genome scores: a relevance in [0, 1] of a tag that has a name."""
    return pa.DataFrameSchema(
        {
            MOVIE: _numbers("int32", ("movie id is negative", lambda ids: ids >= 0)),
            TAG_ID: _numbers("int32", ("tag has no name", _membership(tag_ids))),
            RELEVANCE: _numbers(
                "float32", ("relevance is outside [0, 1]", lambda scores: (scores >= 0) & (scores <= 1))
            ),
        }
    )


def is_on_scale(ratings: NDArray[np.float32], scale: Feedback) -> NDArray[np.bool_]:
    """Return which ratings (n,) are a step of the scale."""
    is_in_range = (ratings >= scale.minimum) & (ratings <= scale.maximum)
    return np.asarray(is_in_range & _is_on_a_step((ratings - scale.minimum) * np.float32(1 / scale.step)))


def _is_on_a_step(steps: Any) -> Any:
    """Return which numbers of steps (n,) are whole."""
    with np.errstate(invalid="ignore"):  # infinity is outside the scale anyway
        return np.abs(steps - np.rint(steps)) < _ROUNDING


def _is_first(values: pd.Series) -> pd.Series:
    return ~values.duplicated(keep="first")


def _text_checks(what: str, longest: int) -> list[Check]:
    return [
        (f"{what} is empty", lambda texts: texts.str.strip() != ""),
        (f"{what} is too long", lambda texts: texts.str.len() <= longest),
    ]


def _id_checks(who: str) -> list[Check]:
    return [
        (f"{who} id is missing", lambda codes: codes != MISSING),
        (f"{who} id is longer than {TEXT_BYTES} bytes", lambda codes: codes != TOO_LONG),
        (f"{who} id has control characters", lambda codes: codes != HAS_CONTROL),
    ]


def _membership(ids: NDArray[np.int64]) -> Callable[[NDArray[Any]], NDArray[np.bool_]]:
    """Return a check that values are among `ids`, by one table look-up each if the ids are small enough."""
    known_ids = np.asarray(ids, dtype=np.int64)
    limit = int(known_ids.max(initial=-1)) + 1
    if limit > _TABLE_LIMIT or int(known_ids.min(initial=0)) < 0:
        return lambda raw: np.isin(raw, known_ids)
    table = np.zeros(limit + 1, dtype=bool)  # the last entry stands for every id that is out of range
    table[known_ids] = True
    return lambda raw: table.take(raw, mode="clip") & (raw >= 0)


def _numbers(dtype: str, *checks: Check) -> pa.Column:
    """Return a column whose checks run slice by slice: large intermediate results would take most of their time."""

    def by_slices(check: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> Callable[[pd.Series], pd.Series]:
        def check_all(values: pd.Series) -> pd.Series:
            raw = values.to_numpy()
            passed = np.empty(len(raw), dtype=bool)
            for span in slices(len(raw)):
                passed[span] = check(raw[span])
            return pd.Series(passed, index=values.index)

        return check_all

    return _column(dtype, *((reason, by_slices(check)) for reason, check in checks))


def _column(dtype: str, *checks: Check) -> pa.Column:
    # A missing value is for the checks to name: "rating is not a number" says more than "not nullable".
    return pa.Column(dtype, [pa.Check(check, error=reason, ignore_na=False) for reason, check in checks], nullable=True)


def _time_range(earliest: date | None) -> tuple[int, int]:
    """Return the first and the last second of a possible time."""
    first = pd.Timestamp(earliest, tz="UTC").timestamp() if earliest else 0
    return int(first), int((datetime.now(UTC) + timedelta(days=1)).timestamp())
