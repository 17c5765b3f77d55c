"""A table of registered versions: algorithm, aliases, main metrics and verdict of each."""

from __future__ import annotations

from typing import Any

from training.registry import Tracker, Version
from training.registry.version import WARNING

# Column of the table, tag that names the protocol, and metric.
METRICS = (
    ("ndcg_at_10", "people_protocol", "ndcg_at_10"),
    ("coverage_at_10", "people_protocol", "coverage_at_10"),
    ("titles_hit_at_10", "titles_protocol", "hit_rate_at_10"),
    ("titles_weighted_hit", "titles_protocol", "weighted_hit_rate_at_10"),
    ("rmse", "people_protocol", "rmse"),
)


def rows(tracker: Tracker, dataset: str | None = None) -> list[dict[str, Any]]:
    """Return one row per version (of one data set, or of all), newest first; a metric that a version lacks is None.

    `changes` is what differs from the shipped configuration, `parameters` everything that its run logged.
    """
    return [_row(tracker, version) for version in tracker.versions() if dataset in (None, version.tags.get("dataset"))]


def _row(tracker: Tracker, version: Version) -> dict[str, Any]:
    logged = tracker.client.get_run(version.run_id).data
    metrics = logged.metrics
    values = {column: metrics.get(f"{version.tags.get(tag)}/{name}") for column, tag, name in METRICS}
    return {
        "version": version.number,
        "algorithm": version.algorithm,
        "alias": ", ".join(version.aliases),
        "dataset": version.tags.get("dataset"),
        "people_protocol": version.tags.get("people_protocol"),
        **values,
        "verdict": version.tags.get("verdict"),
        "changes": version.tags.get("changes"),
        "warning": version.tags.get(WARNING),
        "parameters": dict(logged.params),
    }
