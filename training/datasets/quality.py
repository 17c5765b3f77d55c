"""Write the quality report of a cleaning run as Markdown and JSON, and the rejected rows as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from recommender.items import FILMS, Items
from training.datasets.config import PublishedCounts
from training.datasets.quarantine import Quarantine

REPORT_JSON = "quality_report.json"
REPORT_MARKDOWN = "quality_report.md"
QUARANTINE = "quarantine.csv"

Sections = Mapping[str, Mapping[str, Any]]


def report_texts(sections: Sections, quarantine: Quarantine, items: Items = FILMS) -> dict[str, str]:
    """Return file name -> text of the three reports; `sections` maps each heading to its values.

    `items`: what films are called in the report for readers; the keys of the JSON are the same for all data.
    """
    complete = {**sections, "quarantined": dict(quarantine.by_reason())}
    return {
        REPORT_JSON: json.dumps(complete, indent=2, ensure_ascii=False) + "\n",
        REPORT_MARKDOWN: _markdown(complete, items),
        QUARANTINE: _quarantine(quarantine),
    }


def compare_with_published(snapshot: Mapping[str, Any], published: PublishedCounts) -> dict[str, str]:
    """Return a remark for each published count: "as published", or both numbers if they differ."""
    return {
        name: "as published" if snapshot[name] == count else f"published {count}, found {snapshot[name]}"
        for name, count in published.model_dump(exclude_none=True).items()
    }


def _markdown(sections: Sections, items: Items) -> str:
    words = {"film": items.singular, "films": items.plural}
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


def _quarantine(quarantine: Quarantine) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file", "line", "reason", "text"])
    writer.writerows((reject.file, reject.line_number, reject.reason, reject.text) for reject in quarantine.in_order())
    return buffer.getvalue()
