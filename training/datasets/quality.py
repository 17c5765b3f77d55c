"""The quality report of a cleaning run, for people (Markdown), programs (JSON) and the rows set aside (CSV)."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from training.datasets.tables import Reject

REPORT_JSON = "quality_report.json"
REPORT_MARKDOWN = "quality_report.md"
QUARANTINE = "quarantine.csv"


def reports(snapshot: Mapping[str, Any], counts: Mapping[str, int], rejects: Sequence[Reject]) -> dict[str, str]:
    """File name -> text of the three reports."""
    reasons = Counter(f"{reject.file}: {reject.reason}" for reject in rejects)
    document = {"snapshot": dict(snapshot), "mended": dict(counts), "quarantined": dict(reasons)}
    return {
        REPORT_JSON: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        REPORT_MARKDOWN: _markdown(document),
        QUARANTINE: _quarantine(rejects),
    }


def _markdown(document: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"# Quality report: {document['snapshot']['name']}"]
    for section, values in document.items():
        lines += ["", f"## {section.capitalize()}", "", "| what | value |", "|---|---|"]
        lines += [f"| {name.replace('_', ' ')} | {value} |" for name, value in values.items()] or ["| nothing | 0 |"]
    return "\n".join(lines) + "\n"


def _quarantine(rejects: Sequence[Reject]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file", "line", "reason", "text"])
    writer.writerows((reject.file, reject.line, reject.reason, reject.text) for reject in rejects)
    return buffer.getvalue()
