"""Rows that cannot be used, with file, line and reason: too many stop the run; and the quality report of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.errors import DataError
from recommender.items import Items
from training.datasets.config import PublishedCounts
from training.datasets.dataset import EVENTS, ProcessedDataset
from training.datasets.tables import Table

_TEXT_LIMIT = 500  # characters of a rejected row to keep
_SHOWN = 5

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Reject:
    """A row that cannot be used; `line_number` counts from 1, header included."""

    file: str
    line_number: int
    reason: str
    text: str


_WORDS_AS_IDS = "Files whose ids are words are described first: movierec data draft NAME FILES..."


@dataclass
class Quarantine:
    """Collects rejected rows; raises DataError as soon as they are more than `most_share` of all `rows`."""

    most_share: float = 1.0
    rows: float = float("inf")
    rejects: list[Reject] = field(default_factory=list)

    @property
    def allowed(self) -> float:
        """Return how many bad rows are tolerated."""
        return self.most_share * self.rows

    def allow(self, most_share: float, rows: int) -> None:
        """Set which share of how many rows may be bad. Raises DataError if more are already."""
        self.most_share, self.rows = most_share, rows
        self._check()

    def add(self, path: Path, line_number: int, reason: str, text: str) -> None:
        """Reject one row of the file at `path`. Raises DataError if that is one too many."""
        self.rejects.append(Reject(path.name, line_number, reason, text[:_TEXT_LIMIT]))
        self._check()

    def add_rows(self, table: Table, rows: NDArray[np.int64], reasons: Sequence[str]) -> None:
        """Reject these rows of `table`, each for its reason. Raises DataError if they are too many."""
        if not len(rows) or table.path is None:
            return
        line_numbers = table.line_numbers(rows)
        collected = line_numbers if len(self.rejects) + len(rows) <= self.allowed else line_numbers[: _SHOWN + 1]
        texts = _texts(table, table.path, rows[: len(collected)], collected)
        self.rejects.extend(
            Reject(table.path.name, int(line_number), reason, texts.get(int(line_number), ""))
            for line_number, reason in zip(collected, reasons, strict=False)
        )
        self._check(Counter(f"{table.path.name}: {reason}" for reason in reasons[len(collected) :]))

    def in_order(self) -> list[Reject]:
        """Return all rejected rows, sorted by file and line."""
        return sorted(self.rejects, key=lambda reject: (reject.file, reject.line_number))

    def by_reason(self) -> Counter[str]:
        """Count the rejected rows for each "file: reason"."""
        return Counter(f"{reject.file}: {reject.reason}" for reject in self.in_order())

    def _check(self, uncollected: Counter[str] | None = None) -> None:
        """Raise DataError if there are too many bad rows; `uncollected`: those whose text is not kept, by reason."""
        bad_rows = len(self.rejects) + (uncollected.total() if uncollected else 0)
        if bad_rows <= self.allowed:
            return
        reasons = (self.by_reason() + (uncollected or Counter())).most_common(_SHOWN)
        examples = "\n".join(
            f"  {reject.file}:{reject.line_number}: {reject.reason}: {reject.text!r}"
            for reject in self.in_order()[:_SHOWN]
        )
        hint = f" {_WORDS_AS_IDS}" if "_id: expected a whole number" in examples else ""
        raise DataError(
            f"Too many bad rows: {bad_rows} or more, where {int(self.allowed)} are tolerated.\n"
            + "".join(f"  {count:,} of {reason}\n" for reason, count in reasons)
            + f"The first ones:\n{examples}\nMend the files, or raise the limit: --max-bad-share, now "
            f"{self.most_share:g}; these rows alone are {bad_rows / self.rows:.2g} of all.{hint}"
        )


def _texts(table: Table, path: Path, rows: NDArray[np.int64], line_numbers: NDArray[np.int64]) -> dict[int, str]:
    """Return line number -> text, cut to a sensible length, of these rows of a table."""
    if table.row_texts is not None:
        return {int(line): text[:_TEXT_LIMIT] for line, text in zip(line_numbers, table.row_texts(rows), strict=True)}
    chosen = set(line_numbers.tolist())
    with path.open("rb") as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if number in chosen)
        return {
            number: line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")[:_TEXT_LIMIT]
            for number, line in islice(lines, len(chosen))
        }


def report_texts(
    dataset: ProcessedDataset, quarantine: Quarantine, published: PublishedCounts | None = None
) -> dict[str, str]:
    """Return file name -> text of the report as Markdown and JSON, and of the rejected rows as CSV.

    `published`: counts to compare with, of MovieLens's data sets; of others the report tells the feedback.
    """
    snapshot, details = dataset.snapshot(), dataset.details
    sections: Sections = {
        "snapshot": snapshot,
        **({"feedback": dataset.feedback_summary()} if published is None else {}),
        **({} if published is None else {"published counts": _compared(snapshot, published)}),
        **{heading: details[heading] for heading in ("mended", "genome", "texts") if heading in details},
        **({EVENTS: dataset.events} if dataset.events else {}),
        "quarantined": dict(quarantine.by_reason()),
    }
    rows = [(reject.file, reject.line_number, reject.reason, reject.text) for reject in quarantine.in_order()]
    rejects = pd.DataFrame(rows, columns=["file", "line", "reason", "text"])
    return {
        "quality_report.json": json.dumps(sections, indent=2, ensure_ascii=False) + "\n",
        "quality_report.md": _markdown(sections, dataset.items),
        "quarantine.csv": rejects.to_csv(index=False, lineterminator="\n"),
    }


def _compared(snapshot: Mapping[str, Any], published: PublishedCounts) -> dict[str, str]:
    """Return a remark for each published count: "as published", or both numbers if they differ."""
    return {
        name: "as published" if snapshot[name] == count else f"published {count}, found {snapshot[name]}"
        for name, count in published.model_dump(exclude_none=True).items()
    }


def _markdown(sections: Sections, items: Items) -> str:
    words = {"film": items.singular, "films": items.plural}  # the keys of the JSON are the same for all data
    lines = ["# Quality report"]
    for heading, values in sections.items():
        lines += ["", f"## {heading.capitalize()}", "", "| what | value |", "|---|---|"]
        rows = {" ".join(words.get(word, word) for word in name.split("_")): value for name, value in values.items()}
        lines += [f"| {name} | {_cell(value)} |" for name, value in rows.items()] or ["| none | 0 |"]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
