"""Read the interactions of a user-defined data set: user, item, rating or event, weight and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.errors import DataError, UsageError
from recommender.feedback import Feedback
from recommender.films.ids import IdMap, is_integer_id
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.arrivals import Arrivals, Report, merge, place
from training.datasets.cleaning import schemas
from training.datasets.cleaning.clean import keep_latest
from training.datasets.quarantine import Quarantine
from training.datasets.tables import Table
from training.datasets.tabular.records import Records, connect, literal, open_file, quoted, read_records
from training.datasets.tabular.scale import feedback_of, has_steps
from training.datasets.tabular.source import OPEN, SourceConfig
from training.datasets.tabular.values import IdColumn, number_sql, read_times


@dataclass
class Interactions:
    """Clean interactions of all files: ids as codes into `users` and `items`, weights or ratings, and times.

    `mended`: rows left out on purpose and times of another unit, by reason.
    """

    frame: pd.DataFrame  # user_id, movie_id: int32 codes; rating float32; timestamp int64
    users: Sequence[str]
    items: Sequence[str]
    feedback: Feedback
    mended: dict[str, int]


class _Columns(NamedTuple):
    """The columns of one file, unchecked: ids as codes into `users` and `items`, values and times."""

    table: Table
    users: IdColumn
    items: IdColumn
    times_of_another_unit: int


def read_interactions(config: SourceConfig, quarantine: Quarantine, max_bad_share: float) -> Interactions:
    """Read and clean the interactions of all files; rows that cannot be used go to `quarantine`.

    Raises UsageError for an unknown column or kind of event, DataError where too many rows are bad or none is left.
    """
    files = [_read(records, config) for records in _records(config, quarantine, max_bad_share)]
    values = np.concatenate([columns.table.frame[RATING].to_numpy() for columns in files])
    feedback = feedback_of(config, values)
    users, items = _Texts(), _Texts()
    frames, unweighted = [], 0
    schema = schemas.interactions_schema(feedback, has_steps(config))
    for columns in files:
        clean = schemas.split_bad(columns.table, schema, quarantine).frame
        if not config.rating:
            counts = clean[RATING] > 0
            unweighted += int((~counts).sum())
            clean = clean[counts]
        codes = {USER: users.codes(columns.users.texts), MOVIE: items.codes(columns.items.texts)}  # of the file's own
        clean = clean.assign(**{name: of_all[clean[name].to_numpy()] for name, of_all in codes.items()})
        frames.append(clean.astype({RATING: "float32", TIMESTAMP: "int64"}))
    frame = pd.concat(frames, ignore_index=True)
    if not len(frame):
        raise DataError("No usable interaction is left after cleaning. Check the files and the columns named for them.")
    mended = {
        "events_of_weight_0_dropped": unweighted,
        "times_of_another_unit": sum(columns.times_of_another_unit for columns in files),
    }
    return Interactions(frame, users.texts, items.texts, feedback, mended)


def join_arrivals(
    interactions: Interactions, described_items: Collection[str], arrivals: Arrivals | None, config: SourceConfig
) -> tuple[Interactions, Report]:
    """Return the interactions of the files with those that came in as events behind them, and the report."""
    if arrivals is None:
        return interactions, {}
    known_items = used_ids(interactions.items, interactions.frame[MOVIE]).union(described_items)
    known_users = used_ids(interactions.users, interactions.frame[USER])
    placed, report = place(arrivals, known_users, known_items, interactions.feedback, has_steps(config))
    users, items = _Texts(interactions.users), _Texts(interactions.items)
    codes = {USER: users.codes(placed[USER]), MOVIE: items.codes(placed[MOVIE])}
    frame, counts = merge(interactions.frame, placed.assign(**codes), interactions.feedback)
    joined = replace(interactions, frame=frame, users=users.texts, items=items.texts)
    return joined, report | counts


def with_ids(interactions: Interactions, user_ids: IdMap, movie_ids: IdMap) -> tuple[pd.DataFrame, int]:
    """Return the ratings with raw ids, and the number of repeated ratings dropped: of a pair the latest stays.

    Events stay one row each: they are added up when a matrix is made of some of them.
    """
    frame = interactions.frame
    ratings = frame.assign(
        **{
            USER: _raw_column(interactions.users, frame[USER].to_numpy(), user_ids),
            MOVIE: _raw_column(interactions.items, frame[MOVIE].to_numpy(), movie_ids),
        }
    )
    if interactions.feedback.kind == "events":
        return ratings, 0
    unique_ratings = keep_latest(ratings)
    return unique_ratings, len(ratings) - len(unique_ratings)


def used_ids(texts: Sequence[str], codes: pd.Series) -> set[str]:
    """Return the ids that `codes` use."""
    return {texts[code] for code in codes.unique().tolist()}


def map_rows(texts: Sequence[str], ids: IdMap) -> NDArray[np.int32]:
    """Return the row of each id in its text form, UNKNOWN (-1) for one of rows that were left out."""
    if ids.is_text:
        return ids.rows(np.array(texts, dtype=object)).astype(np.int32)
    numbers = np.array([int(text) if is_integer_id(text) else -1 for text in texts], dtype=np.int64)
    return ids.rows(numbers).astype(np.int32)


def _raw_column(texts: Sequence[str], codes: NDArray[np.int32], ids: IdMap) -> pd.Series:
    rows = map_rows(texts, ids)[codes]
    if ids.is_text:
        return pd.Series(pd.Categorical.from_codes(rows, categories=pd.Index(ids.raws(range(len(ids))), dtype="str")))
    raw = ids.ids[rows]
    return pd.Series(raw.astype(np.int32) if ids.ids[-1] <= np.iinfo(np.int32).max else raw)


class _Texts:
    """The distinct ids of several files, in the order in which they come."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._codes = {text: code for code, text in enumerate(texts)}

    @property
    def texts(self) -> list[str]:
        """Return the ids by code."""
        return list(self._codes)

    def codes(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Return the code of each text; new ones get the next codes."""
        return np.array([self._codes.setdefault(text, len(self._codes)) for text in texts], dtype=np.int32)


def _records(config: SourceConfig, quarantine: Quarantine, max_bad_share: float) -> list[Records]:
    """Read the columns of all files and set how many bad rows are tolerated."""
    _require_filled_in(config)
    optional = (config.rating, config.event, config.weight, config.time)
    names = [config.user, config.item, *(name for name in optional if name)]
    files = [read_records(path, names, config, quarantine) for path in config.interactions]
    rows = sum(records.count + len(records.rejected_lines) for records in files)
    quarantine.allow(max_bad_share, rows)
    return files


def _require_filled_in(config: SourceConfig) -> None:
    roles = {"user": config.user, "item": config.item}
    if unknown := [role for role, column in roles.items() if column == OPEN]:
        path = config.interactions[0]
        columns = open_file(connect(), path, config).shown
        raise UsageError(
            f"Expected a column of {path.name} for {' and '.join(unknown)} instead of {OPEN!r}. Fill in one of: "
            f"{columns}."
        )


def _read(records: Records, config: SourceConfig) -> _Columns:
    times, of_another_unit = np.zeros(records.count), 0
    if config.time:
        times, of_another_unit = read_times(records, config.time, config.time_format)
    users, items = (IdColumn(records.texts(quoted(name))) for name in (config.user, config.item))
    columns = {USER: users.codes, MOVIE: items.codes, RATING: _values(records, config), TIMESTAMP: times}
    return _Columns(records.table(pd.DataFrame(columns)), users, items, of_another_unit)


def _values(records: Records, config: SourceConfig) -> NDArray[np.float64]:
    """Return the rating of each row (n,), or the weight of its event."""
    if config.rating:
        _require_words(records, config)
        return records.numbers(number_sql(config.rating, config.decimal, config.weights))
    values = np.ones(records.count)
    if config.event:
        _require_weights(records, config)
        values = records.numbers(number_sql(config.event, config.decimal, config.weights))
    if config.weight:
        values = values * records.numbers(number_sql(config.weight, config.decimal))
    return values


def _require_words(records: Records, config: SourceConfig) -> None:
    assert config.rating is not None
    words = ", ".join(map(literal, config.weights))
    if words and not records.value(f"count(*) FILTER (trim({quoted(config.rating)}) IN ({words}))"):
        raise UsageError(
            f"Expected one of the words of weights ({', '.join(config.weights)}) in the column {config.rating} of "
            f"{records.path.name}, found none. Leave weights out for ratings that are numbers."
        )


def _require_weights(records: Records, config: SourceConfig) -> None:
    assert config.event is not None
    kinds = records.counts(f"trim({quoted(config.event)})")
    if unknown := {kind: count for kind, count in kinds.items() if kind not in config.weights}:
        missing = ", ".join(f"{kind} ({count:,} rows)" for kind, count in list(unknown.items())[:10])
        raise UsageError(
            f"Expected a weight for each kind of event in the column {config.event}, found also {missing}. Add them to "
            "--weights; a weight of 0 leaves a kind out."
        )
