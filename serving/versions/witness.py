"""Keep the snapshot of the registry in the local store up to date; in the puller's process."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from recommender.errors import MovierecError
from serving.versions.model_store import ModelStore
from serving.versions.records import write_record
from serving.versions.snapshot import (
    MOST_VERSIONS,
    SNAPSHOT,
    Figure,
    RegisteredVersion,
    Snapshot,
    bounded,
    figures,
    timeline,
)

if TYPE_CHECKING:
    from serving.versions.registry import Registry

log = structlog.get_logger(__name__)

PAUSE = 60.0  # seconds between two snapshots of a registry that looks unchanged
MANIFESTS_AT_ONCE = 10  # read for one snapshot: the next ones read the others


class Witness:
    """Writes a snapshot when aliases, history or the newest version changed, and every PAUSE seconds."""

    def __init__(self, registry: Registry, store: ModelStore) -> None:
        self._registry = registry
        self._store = store
        self._state: object = None
        self._taken_at = -math.inf
        self._figures: dict[tuple[str, str | None], list[Figure]] = {}  # by version and run
        self._unreadable: set[tuple[str, str | None]] = set()  # at the last try
        self._experiments: dict[tuple[str, str | None], str | None] = {}  # ids, likewise

    def look(self) -> None:
        """Write a snapshot if it is time. Raises RegistryUnavailableError; other faults are logged."""
        model = self._registry.described()
        state = (model.last_updated_timestamp, model.aliases, model.tags)
        if state == self._state and time.monotonic() < self._taken_at + PAUSE:
            return
        entities = self._registry.newest(MOST_VERSIONS)
        is_complete = self._read_figures(entities)
        try:
            aliases = dict(model.aliases)
            versions = [self._version(entity, aliases) for entity in entities]
            snapshot = Snapshot(taken_at=time.time(), versions=versions, timeline=timeline(model.tags))
            write_record(self._store.root / SNAPSHOT, bounded(snapshot))
        except (ValidationError, MovierecError) as error:
            log.error("snapshot_not_written", reason=str(error)[:300])
        self._state, self._taken_at = (state if is_complete else None), time.monotonic()

    def _read_figures(self, entities: list[Any]) -> bool:
        """Read the figures of versions that lack them, untried ones first; return whether none is left untried."""
        keys = [(str(entity.version), entity.run_id) for entity in entities]
        unread = sorted((key for key in keys if key not in self._figures), key=self._unreadable.__contains__)
        untried = len(set(unread) - self._unreadable)
        for key in unread[:MANIFESTS_AT_ONCE]:
            self._experiments[key] = self._registry.experiment_id(key[1])
            try:
                self._figures[key] = figures(self._registry.manifest(key[0]).metrics)
            except MovierecError as error:  # deleted, refused by the rules, or out of reach for a while
                if key not in self._unreadable:
                    log.info("figures_unknown", version=key[0], reason=str(error)[:300])
                self._unreadable.add(key)
        self._figures = {key: self._figures[key] for key in keys if key in self._figures}
        self._experiments = {key: self._experiments[key] for key in keys if key in self._experiments}
        self._unreadable.intersection_update(keys)
        return untried <= MANIFESTS_AT_ONCE

    def _version(self, entity: Any, aliases: dict[str, str]) -> RegisteredVersion:
        number, tags = str(entity.version), dict(entity.tags)
        return RegisteredVersion(
            version=number,
            run_id=entity.run_id or None,
            algorithm=tags.get("algorithm", ""),
            dataset=tags.get("dataset", ""),
            aliases=sorted(alias for alias, version in aliases.items() if str(version) == number),
            created=entity.creation_timestamp / 1000,
            verdict=tags.get("verdict"),
            verdict_summary=tags.get("verdict_summary"),
            figures=self._figures.get((number, entity.run_id)),
            verdict_reason=tags.get("verdict_reason") or None,
            warning=tags.get("warning"),
            sentence=tags.get("about"),
            experiment_id=self._experiments.get((number, entity.run_id)),
        )
