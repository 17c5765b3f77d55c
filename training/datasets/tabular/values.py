"""Turn text into numbers, times, lists and ids: how a column is written is seen in its values."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.films.ids import CONTROL, TEXT_BYTES
from training.datasets.cleaning.schemas import HAS_CONTROL, MISSING, TOO_LONG
from training.datasets.tabular.records import Records, literal, quoted

LIST_SEPARATORS = ("|", ";", ",")
_LEAST_SHARE = 0.01  # of the cells that hold a separator for it to be one
_DAYS_AS_NUMBERS = (19000101, 21001231)
_YEARS = (1900, 2100)
# Epoch times: each unit counts up to the year 5138. A time from 1973 to 2286 is in no other unit one since May 1970.
_UNITS = ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))
_DAY_FORMS = (
    "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%m-%d-%Y",
    "%d-%m-%y", "%m-%d-%y", "%Y/%m/%d",
    "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y",
)  # fmt: skip
_CLOCK_FORMS = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p", "%H.%M")
_LEAST_SURE, _MOST_SURE = 1e8, 1e10  # seconds


def number_sql(column: str, decimal: str = ".", words: Mapping[str, float] | None = None) -> str:
    """Return the SQL that reads a column as numbers; `words`: number of each word, besides true and false."""
    name = f"trim({quoted(column)})"
    text = f"replace({name}, ',', '.')" if decimal == "," else name
    cases = "".join(f"WHEN {name} = {literal(word)} THEN {number!r} " for word, number in (words or {}).items())
    truth = f"WHEN lower({name}) = 'true' THEN 1 WHEN lower({name}) = 'false' THEN 0"
    return f"CASE {cases}{truth} ELSE try_cast({text} AS DOUBLE) END"


def read_times(records: Records, column: str, time_format: str | None) -> tuple[NDArray[np.float64], int]:
    """Return the time of each row in seconds since 1970 UTC (n,), NaN where it is missing or not understood.

    The second value counts the rows whose epoch time is in another unit than that of most rows.

    Raises DataError where no value is understood.
    """
    expression, other_unit = _time_sql(records, column, time_format)
    times = np.floor(records.numbers(expression))
    if records.count and np.isnan(times).all():
        example = next((text for text in records.texts(quoted(column)).to_pylist() if text), "nothing")
        raise DataError(
            f"Expected times in the column {column} as epoch seconds or milliseconds or as 2024-12-31T23:59:59Z, found "
            f"{example!r}. Say how they are written with `time_format` or --time-format, for example '%d.%m.%Y %H:%M'."
        )
    return times, int(records.value(f"count(*) FILTER ({other_unit})")) if other_unit else 0


def _time_sql(records: Records, column: str, time_format: str | None) -> tuple[str, str]:
    """Return the SQL of the seconds since 1970, and that of whether a row is in another unit than most, if any is."""
    text = f"trim({quoted(column)})"
    if time_format:
        return f"epoch(try_strptime({text}, {literal(time_format)}))", ""
    number = f"try_cast({text} AS DOUBLE)"
    if records.value(f"count({number}) * 2") < records.value(f"count({text})"):
        return f"epoch(try_cast({text} AS TIMESTAMPTZ))", ""
    least, most, median = (records.value(f"{aggregate}({number})") for aggregate in ("min", "max", "median"))
    if _within(least, most, _DAYS_AS_NUMBERS):
        return f"epoch(try_strptime(CAST(CAST({number} AS BIGINT) AS VARCHAR), '%Y%m%d'))", ""
    if _within(least, most, _YEARS):
        return f"epoch(make_timestamp(CAST({number} AS BIGINT), 1, 1, 0, 0, 0))", ""
    unit = _unit(median)
    if {_unit(least), _unit(most)} == {unit}:
        return f"{number} / {unit}", ""
    other_units = [
        (divisor, f"abs({number}) BETWEEN {_LEAST_SURE * divisor} AND {_MOST_SURE * divisor}")
        for _, divisor in _UNITS
        if divisor != unit
    ]
    cases = " ".join(f"WHEN {is_sure} THEN {number} / {divisor}" for divisor, is_sure in other_units)
    return f"CASE {cases} ELSE {number} / {unit} END", " OR ".join(is_sure for _, is_sure in other_units)


def _unit(number: float) -> float:
    """Return the divisor that makes seconds of an epoch time."""
    return next((divisor for limit, divisor in _UNITS if abs(number) < limit), _UNITS[-1][1])


def _within(least: float, most: float, span: tuple[int, int]) -> bool:
    return span[0] <= least <= most <= span[1]


def guess_list_separator(texts: Sequence[str]) -> str | None:
    """Return the separator of the values in list cells: the first of `|`, `;` and `,` that enough cells hold."""
    counts = Counter(mark for text in texts for mark in LIST_SEPARATORS if mark in text)
    return next((mark for mark in LIST_SEPARATORS if counts[mark] >= max(1, _LEAST_SHARE * len(texts))), None)


def guess_time_formats(texts: Sequence[str]) -> list[str]:
    """Return the forms of times, other than ISO and numbers, that every text has; days before months come first."""
    clocks = ["", *(f"{mark}{clock}" for mark in (" ", "T", ", ") for clock in _CLOCK_FORMS)]
    forms = [f"{day}{clock}" for day in _DAY_FORMS for clock in clocks]
    return [form for form in forms if texts and all(_has_form(text.strip(), form) for text in texts)]


def _has_form(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def split_lists(cells: Sequence[str | None], separator: str | None) -> list[list[str]]:
    """Return the distinct values of each cell, in their order; JSON arrays and Python's lists are read as such."""
    plain = [text for text in cells if text and not text.startswith("[")]
    separator = separator or guess_list_separator(plain)
    return [_values(text, separator) for text in cells]


def _values(text: str | None, separator: str | None) -> list[str]:
    if not text:
        return []
    array = _array(text) if text.startswith("[") else None
    values: Sequence[object] = array if array is not None else text.split(separator) if separator else [text]
    stripped = (" ".join(str(value).split()) for value in values if value is not None)
    return list(dict.fromkeys(value for value in stripped if value))


def _array(text: str) -> list[object] | None:
    """Return the values of "[...]" in JSON or as Python prints a list; None where it is neither."""
    parsers: tuple[Callable[[str], Any], ...] = (json.loads, ast.literal_eval)
    for parse in parsers:
        try:
            values = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(values, list):
            return values
    return None


class IdColumn:
    """Ids of n rows as text: `codes` (n,) index the distinct `texts`, or are MISSING, TOO_LONG or HAS_CONTROL."""

    def __init__(self, column: pa.Array) -> None:
        encoded = column.dictionary_encode()
        texts = encoded.dictionary
        self.texts: list[str] = _as_written(texts).to_pylist()
        code_of = np.arange(len(texts) + 1, dtype=np.int32)
        code_of[:-1][np.asarray(pc.greater(pc.binary_length(texts), TEXT_BYTES), dtype=bool)] = TOO_LONG
        code_of[:-1][[CONTROL.search(text) is not None for text in self.texts]] = HAS_CONTROL
        code_of[-1] = MISSING
        self.codes = code_of[encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]


def _as_written(texts: pa.Array) -> pa.Array:
    """Return whole numbers without blanks around them and ".0" behind them; other ids unchanged."""
    trimmed = pc.utf8_trim_whitespace(texts)
    is_whole = pc.match_substring_regex(trimmed, r"^-?[0-9]+(\.0+)?$")
    return pc.replace_substring_regex(trimmed, r"\.0+$", "") if len(texts) and pc.all(is_whole).as_py() else texts
