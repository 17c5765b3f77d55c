"""Rows set aside: where they stood, why they were refused, and when there are too many of them to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.errors import DataError
from training.datasets.tables import Table

_TEXT_LIMIT = 500  # characters of a refused row that are kept
_SHOWN = 5


@dataclass(frozen=True)
class Reject:
    """One row that was set aside; `line` is 1-based in `file`, header included."""

    file: str
    line: int
    reason: str
    text: str


@dataclass
class Quarantine:
    """Collects rejects and stops the run, with a DataError, once more than `allowed` rows are bad."""

    allowed: float = float("inf")
    rejects: list[Reject] = field(default_factory=list)

    def add(self, path: Path, line: int, reason: str, text: str) -> None:
        """Set one row aside."""
        self.rejects.append(Reject(path.name, line, reason, text[:_TEXT_LIMIT]))
        self._check(0)

    def add_rows(self, table: Table, rows: NDArray[np.int64], reasons: Sequence[str]) -> None:
        """Set these rows of `table` aside, each for its reason."""
        if not len(rows) or table.path is None:
            return
        lines = table.line_numbers(rows)
        shown = lines if len(self.rejects) + len(rows) <= self.allowed else lines[: _SHOWN + 1]
        texts = _line_texts(table.path, shown)
        self.rejects.extend(
            Reject(table.path.name, int(line), reason, texts.get(int(line), ""))
            for line, reason in zip(shown, reasons, strict=False)
        )
        self._check(len(lines) - len(shown))

    def in_order(self) -> list[Reject]:
        """All rejects by file and line."""
        return sorted(self.rejects, key=lambda reject: (reject.file, reject.line))

    def by_reason(self) -> Counter[str]:
        """How many rows were set aside for each "file: reason"."""
        return Counter(f"{reject.file}: {reject.reason}" for reject in self.in_order())

    def _check(self, uncollected: int) -> None:
        found = len(self.rejects) + uncollected
        if found <= self.allowed:
            return
        shown = "\n".join(
            f"  {each.file}:{each.line}: {each.reason}: {each.text!r}" for each in self.in_order()[:_SHOWN]
        )
        raise DataError(
            f"Too many bad rows: {found} or more, where {int(self.allowed)} are tolerated. The first ones:\n{shown}\n"
            "Mend the files, or raise the limit with --max-bad-share."
        )


def _line_texts(path: Path, lines: NDArray[np.int64]) -> dict[int, str]:
    """Text of these 1-based lines of a file, cut to a sensible length."""
    wanted = {int(line) for line in lines}
    found: dict[int, str] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number in wanted:
                found[number] = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")[:_TEXT_LIMIT]
                if len(found) == len(wanted):
                    break
    return found
