"""Times of ratings in the forms in which files spell them, as whole seconds since 1970-01-01 UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

IMPOSSIBLE = -(2**62)  # what stands for a text that is no time; cleaning rejects it
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
# Above such a number the times of today are in thousandths, millionths and billionths of a second.
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
_SAMPLE = 10_000


def are_texts(values: Sequence[str]) -> bool:
    """Return whether most of these values are times, but no whole numbers: decimals, or dates by ISO 8601."""
    texts = pd.Series([value for value in values if not _WHOLE.fullmatch(value)], dtype="str")
    readable = int((_seconds(texts) != IMPOSSIBLE).sum()) if len(texts) else 0
    return readable > len(values) / 2


def seconds_of_texts(texts: pd.Series) -> NDArray[np.int64]:
    """Return the seconds (n,) of decimal numbers or of dates by ISO 8601, IMPOSSIBLE where a text is neither."""
    return whole_seconds(_seconds(texts))


def whole_seconds(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return times as seconds, also where they are in milliseconds, micro- or nanoseconds; changes `numbers`."""
    if not len(numbers):
        return numbers
    typical = float(np.median(numbers[:: max(1, len(numbers) // _SAMPLE)]))
    if unit := next((unit for limit, unit in _UNITS if typical >= limit), None):
        np.floor_divide(numbers, unit, out=numbers)
    return numbers


def _seconds(texts: pd.Series) -> NDArray[np.int64]:
    """Return decimal numbers rounded down, or the seconds of dates, whichever fits more of the texts."""
    numbers = np.floor(pd.to_numeric(texts, errors="coerce"))
    dates = pd.to_datetime(texts.where(numbers.isna()), format="ISO8601", utc=True, errors="coerce")
    seconds: pd.Series = (dates - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    values: pd.Series = numbers if numbers.notna().sum() >= dates.notna().sum() else seconds
    return values.where(values.abs() < -IMPOSSIBLE).fillna(IMPOSSIBLE).to_numpy(dtype=np.int64)
