"""Read the interactions of a data set of one's own: who rated, bought or viewed what, when, and how much it counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.errors import DataError, UsageError
from recommender.feedback import Feedback
from recommender.films.ids import IdMap
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.arrivals import Arrivals, Report, merge, place
from training.datasets.cleaning import schemas
from training.datasets.cleaning.clean import keep_latest
from training.datasets.quarantine import Quarantine
from training.datasets.tabular.records import Records, TextForm, connect, literal, open_file, quoted, read_records
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


@dataclass
class _Columns:
    """The columns of one file, unchecked."""

    records: Records
    users: IdColumn
    items: IdColumn
    values: NDArray[np.float64]
    times: NDArray[np.float64]
    times_of_another_unit: int


def read_interactions(config: SourceConfig, quarantine: Quarantine, max_bad_share: float) -> Interactions:
    """Read and clean the interactions of all files; rows that cannot be used go to `quarantine`.

    Raises UsageError for an unknown column or kind of event, DataError where too many rows are bad or none is left.
    """
    files = [_read(records, config) for records in _records(config, quarantine, max_bad_share)]
    feedback = feedback_of(config, np.concatenate([columns.values for columns in files]))
    users, items = _Texts(), _Texts()
    frames, unweighted = [], 0
    schema = schemas.interactions_schema(feedback, has_steps(config))
    for columns in files:
        frame = _frame(columns)
        table = columns.records.table(frame)
        clean = schemas.split_bad(table, schema, quarantine).frame
        if not config.rating:
            counts = clean[RATING] > 0
            unweighted += int((~counts).sum())
            clean = clean[counts]
        clean = clean.assign(
            **{USER: users.add(columns.users, clean[USER]), MOVIE: items.add(columns.items, clean[MOVIE])}
        )
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
    """Return the row of each id in its text form."""
    raw = np.array(texts, dtype=object)
    return ids.rows(raw if ids.is_text else _integers(texts)).astype(np.int32)


def _integers(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return ids as integers, -1 for a text that is none: it belongs to a row that was left out."""
    numbers = np.full(len(texts), -1, dtype=np.int64)
    for row, text in enumerate(texts):
        with suppress(ValueError, OverflowError):
            numbers[row] = int(text)
    return numbers


def _raw_column(texts: Sequence[str], codes: NDArray[np.int32], ids: IdMap) -> pd.Series:
    rows = map_rows(texts, ids)[codes]
    if ids.is_text:
        return pd.Series(pd.Categorical.from_codes(rows, categories=pd.Index(ids.raws(range(len(ids))), dtype="str")))
    raw = ids.ids[rows]
    return pd.Series(raw.astype(np.int32) if ids.ids[-1] <= np.iinfo(np.int32).max else raw)


class _Texts:
    """The distinct ids of several files, in the order in which they come."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts = list(texts)
        self._codes = {text: code for code, text in enumerate(texts)}

    def add(self, ids: IdColumn, codes: pd.Series) -> NDArray[np.int32]:
        """Return the codes of these ids among those of all files."""
        return np.asarray(self.codes(ids.texts)[codes.to_numpy()])

    def codes(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Return the code of each text."""
        return np.array([self._code(text) for text in texts], dtype=np.int32)

    def _code(self, text: str) -> int:
        code = self._codes.setdefault(text, len(self.texts))
        if code == len(self.texts):
            self.texts.append(text)
        return code


def _records(config: SourceConfig, quarantine: Quarantine, max_bad_share: float) -> list[Records]:
    """Read the columns of all files and set how many bad rows are tolerated."""
    _require_filled_in(config)
    optional = (config.rating, config.event, config.weight, config.time)
    names = [config.user, config.item, *(name for name in optional if name)]
    files = [read_records(path, names, TextForm.of(config), quarantine) for path in config.interactions]
    rows = sum(records.count + len(records.rejected_lines) for records in files)
    quarantine.allow(max_bad_share, rows)
    return files


def _require_filled_in(config: SourceConfig) -> None:
    roles = {"user": config.user, "item": config.item}
    if unknown := [role for role, column in roles.items() if column == OPEN]:
        path = config.interactions[0]
        columns = open_file(connect(), path, TextForm.of(config)).shown
        raise UsageError(
            f"Expected a column of {path.name} for {' and '.join(unknown)} instead of {OPEN!r}. Fill in one of: "
            f"{columns}."
        )


def _read(records: Records, config: SourceConfig) -> _Columns:
    times = read_times(records, config.time, config.time_format) if config.time else (np.zeros(records.count), 0)
    return _Columns(
        records,
        IdColumn(records.texts(quoted(config.user))),
        IdColumn(records.texts(quoted(config.item))),
        _values(records, config),
        *times,
    )


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
        shown = ", ".join(f"{kind} ({count:,} rows)" for kind, count in list(unknown.items())[:10])
        raise UsageError(
            f"Expected a weight for each kind of event in the column {config.event}, found also {shown}. Add them to "
            "--weights; a weight of 0 leaves a kind out."
        )


def _frame(columns: _Columns) -> pd.DataFrame:
    return pd.DataFrame(
        {USER: columns.users.codes, MOVIE: columns.items.codes, RATING: columns.values, TIMESTAMP: columns.times}
    )
