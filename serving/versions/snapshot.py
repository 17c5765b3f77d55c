"""What the API tells of the registry: `registry.json` in the local store, which the puller writes for the workers.

It holds the newest versions with aliases, figures with intervals and the gate's verdicts, and the timeline of what was
live. A registry is not trusted: texts are cut, and the whole stays under MOST_BYTES.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ValidationError

from recommender.bundle import Metric
from serving.versions.records import read_small, seal, unseal

SNAPSHOT = "registry.json"
MOST_VERSIONS, MOST_EVENTS, MOST_FIGURES = 100, 100, 200
MOST_BYTES = 1_000_000
_TEXT, _VERDICT = 300, 3000  # characters; a verdict names every figure that led to it
EVENT = "promotion."  # tags of the registered model that hold the changes of the champion, as JSON


def _cut(value: object, most: int = _TEXT) -> object:
    return value[:most] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cut)]
VerdictText = Annotated[str, BeforeValidator(lambda value: _cut(value, _VERDICT))]


class Figure(BaseModel):
    """A figure of a version by a protocol, with its 95 % interval where there is one."""

    protocol: Text
    name: Text
    value: float
    lo: float | None = None
    hi: float | None = None


class RegisteredVersion(BaseModel):
    """A version in the registry."""

    version: Text
    run_id: Text | None
    algorithm: Text
    dataset: Text
    aliases: list[Text]
    created: float  # seconds since 1970
    verdict: Text | None
    verdict_summary: VerdictText | None
    figures: list[Figure] | None  # None while the version's manifest was not read
    # Snapshots of older releases lack what follows.
    verdict_reason: Text | None = None  # of whoever promoted it by force
    warning: Text | None = None  # where it does worse than popularity
    sentence: Text | None = None  # what its algorithm does
    experiment_id: Text | None = None  # of its MLflow run


class Change(BaseModel):
    """A change of the champion, or an attempt that lost a race."""

    kind: Literal["promote", "rollback", "lost"]
    version: int
    before: int | None
    at: Text
    verdict: Text
    reason: Text = ""


class Snapshot(BaseModel):
    """The registry as the puller last saw it."""

    taken_at: float  # seconds since 1970
    versions: list[RegisteredVersion]  # newest first
    timeline: list[Change]  # oldest first


def timeline(tags: Mapping[str, str]) -> list[Change]:
    """Return the latest changes of the champion from the registered model's tags, oldest first, without broken ones."""
    changes = []
    for key in sorted(key for key in tags if key.startswith(EVENT))[-MOST_EVENTS:]:
        try:
            changes.append(Change.model_validate_json(tags[key]))
        except ValidationError:
            continue
    return changes


def figures(metrics: Iterable[Metric]) -> list[Figure]:
    """Return the figures of a bundle's manifest; a number that JSON cannot hold is left out."""
    chosen = [
        Figure(protocol=one.protocol, name=one.name, value=one.value, lo=_finite(one.lo), hi=_finite(one.hi))
        for one in metrics
        if math.isfinite(one.value)
    ]
    return chosen[:MOST_FIGURES]


def bounded(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with as many of its newest versions as stay under MOST_BYTES."""
    while len(seal(snapshot).encode()) > MOST_BYTES and snapshot.versions:
        snapshot = snapshot.model_copy(update={"versions": snapshot.versions[: len(snapshot.versions) // 2]})
    return snapshot


def read_snapshot(path: Path) -> Snapshot | None:
    """Return what the puller last wrote; None where it never did, or the file is damaged."""
    return unseal(read_small(path), Snapshot)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
