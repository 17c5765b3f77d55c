"""The puller brings model versions from the registry into the local model store.

Polls the aliases, downloads a new version, verifies and tries it, and only then points the store at it. A registry that
does not answer, or a version that does not pass, leaves the served version alone and is noted in `status.json`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from recommender import smoke
from recommender.bundle import verify_bundle
from recommender.errors import BundleError, GateRefusedError, MovierecError, RegistryUnavailableError
from serving.settings import Settings
from serving.versions.entry import Entry, VersionMeta, directory_name
from serving.versions.model_store import ModelStore
from serving.versions.pointers import SLOTS, Slot
from serving.versions.status import Refusal, RegistryStatus
from serving.versions.turn import Turn
from serving.versions.witness import Witness

if TYPE_CHECKING:
    from online.experiment import Experiment
    from serving.versions.registry import Registered, Registry

log = structlog.get_logger(__name__)

_CHALLENGER = "challenger"  # the alias that `movierec experiment start` gives
PROMOTED = frozenset({"promote", "forced", "accepted"})  # verdicts with which the gate lets a version through
MAX_PAUSE = 10.0  # seconds between two looks at a registry that keeps failing
_REFUSALS_SHOWN = 10
_REASON_LENGTH, _NAME_LENGTH = 1000, 60  # characters of what may come from a hostile registry
RETRY_BASE, RETRY_PAUSE = 1.0, 60.0  # a refusal's cause may pass: a full disk, a connection that broke


class Puller:
    """Brings the versions that the registry's aliases name into the store."""

    def __init__(
        self, registry: Registry, store: ModelStore, settings: Settings, witness: Witness | None = None
    ) -> None:
        """`witness`: keeps the snapshot of the registry, if anybody is told of it."""
        self._witness = witness
        self._registry = registry
        self._store = store
        self._settings = settings
        self._refused: dict[str, tuple[float, int]] = {}  # time of the next try, tries so far
        self._inspected_at = -math.inf
        self._states: dict[
            Entry, frozenset[tuple[str, int, int]]
        ] = {}  # of the served versions' files at the last look
        self._unwritten = ""  # why the status could not be written
        self._stands_by = False
        self._experiment: Experiment | None = None  # as it was read last
        self.turn = Turn(store.root)
        self.status = store.status()

    def pull(self) -> bool:
        """Look at the registry once; return whether it answered. Never raises for a bad registry, version or store."""
        status = RegistryStatus(**self.status.model_dump(include={"refusals", "refusal_count", "pulls"}))
        try:
            self._store.claim()
            inspected = self._inspect()
            for slot, alias in self._followed().items():
                key = self._follow(slot, self._registry.aliased(alias) if alias else None, status)
                if key is not None:
                    status.confirmed[slot] = key
            status.reachable = True
            if self._witness:
                self._witness.look()
            if inspected and "champion" in status.confirmed:  # else what is damaged may be all that there is
                self._store.prune(self._settings.keep_versions)
        except RegistryUnavailableError as error:
            status.error = str(error)
        except (MovierecError, OSError) as error:
            status.error = f"The local model store cannot be kept: {error}"
        except Exception as error:  # whatever a library raises of a registry, the next look may find it mended
            log.exception("look_failed")
            status.error = f"The registry could not be looked at: {error!r}."[:_REASON_LENGTH]
        status.checked_at = time.time()
        self._publish(status)
        return status.reachable

    def run(self, stop: threading.Event) -> None:
        """Pull until `stop` is set; a failing registry is asked less and less often. Stands by while another pulls."""
        failures = 0
        while not stop.is_set():
            if self._is_our_turn():
                failures = 0 if self.pull() else failures + 1
            pause = min(self._settings.poll_seconds * 2 ** min(failures, 10), MAX_PAUSE)
            stop.wait(pause if failures else self._settings.poll_seconds)
        self.turn.give_up()

    def _is_our_turn(self) -> bool:
        was_standing_by, self._stands_by = self._stands_by, not self.turn.take()
        if self._stands_by and not was_standing_by:
            log.warning("another_process_pulls", store=str(self._store.root), until="it ends, this one stands by")
        return not self._stands_by

    def _followed(self) -> Mapping[Slot, str | None]:
        """Return the alias of each slot; None empties it. An experiment brings its challenger while it runs."""
        aliases: dict[Slot, str | None] = {"champion": self._settings.alias}
        if self._settings.challenger_alias or self._settings.events:
            aliases["challenger"] = self._settings.challenger_alias
        if self._settings.events:
            experiment = self._experiment_now()
            if experiment is not None and experiment.is_running:
                aliases["challenger"] = _CHALLENGER  # whatever is compared otherwise
        return aliases

    def _experiment_now(self) -> Experiment | None:
        """Return the experiment; a record that was damaged or removed is written as it was read last."""
        from serving.versions.experiment import read_experiment, write_experiment

        if (experiment := read_experiment(self._store.root)) is not None:
            self._experiment = experiment
        elif self._experiment is not None:
            log.error("experiment_damaged", name=self._experiment.name)
            write_experiment(self._store.root, self._experiment)
        return self._experiment

    def _follow(self, slot: Slot, registered: Registered | None, status: RegistryStatus) -> str | None:
        """Serve the version that an alias names; return its directory if it is served. A deleted champion stays."""
        if registered is None:
            if slot == "challenger":
                self._store.point(slot, None)
            return None
        try:
            meta = self._meta(registered)
        except ValidationError as error:
            self._refuse_names(registered, error, status)
            return None
        key = directory_name(meta)
        entry = self._store.find(key)
        is_intact = entry is not None and entry.meta == meta and entry.is_sealed and entry.is_whole()
        if entry is not None and is_intact and self._store.serves(slot, entry):
            return key
        if self._is_refused(key):
            return None
        return self._take(slot, meta, registered.tags.get("verdict", ""), status)

    def _inspect(self) -> bool:
        """Verify the hashes of the served versions if it is time, and of those whose files were replaced or touched.

        Damaged ones are removed, to be fetched again. Returns whether it was time.
        """
        is_time = time.monotonic() >= self._inspected_at + self._settings.inspect_seconds
        states = {entry: entry.state() for slot in SLOTS if (entry := self._store.current(slot))}
        for entry, state in states.items():
            if is_time or state != self._states.get(entry):
                self._verify(entry)
        self._states = states
        if is_time:
            self._inspected_at = time.monotonic()
        return is_time

    def _verify(self, entry: Entry) -> None:
        try:
            entry.require_manifest()
            verify_bundle(entry.bundle)
        except (BundleError, OSError) as error:
            self._remove_damaged(entry, error)

    def _take(self, slot: Slot, meta: VersionMeta, verdict: str, status: RegistryStatus) -> str | None:
        started = time.perf_counter()
        try:
            self._require_verdict(slot, verdict)
            entry = self._stored(meta) or self._store.install(meta, lambda path: self._fetch(meta.version, path))
            self._store.point(slot, entry)
        except (MovierecError, OSError) as error:
            self._refuse(meta, str(error), status)
            return None
        except Exception as error:  # a broken bundle may raise anything, and none of it may end the puller
            log.exception("version_failed", version=meta.version)
            self._refuse(meta, f"It cannot be used: {error!r}.", status)
            return None
        self._store.prune(self._settings.keep_versions)
        self._refused.pop(entry.key, None)
        status.pulls += 1
        seconds = round(time.perf_counter() - started, 3)
        log.info("version_pulled", slot=slot, version=meta.version, run_id=meta.run_id, seconds=seconds)
        return entry.key

    def _require_verdict(self, slot: Slot, verdict: str) -> None:
        """Raise GateRefusedError for a champion that the promotion gate did not let through."""
        if slot == "champion" and verdict not in PROMOTED and not self._settings.allow_unjudged:
            raise GateRefusedError(
                "The promotion gate did not let it through. Promote it with `movierec promote`, or allow such "
                "versions with MOVIEREC_ALLOW_UNJUDGED=true."
            )

    def _stored(self, meta: VersionMeta) -> Entry | None:
        """Return the version if the store has it; remove a damaged one, so that it is fetched again."""
        entry = self._store.find(directory_name(meta))
        if entry is None or entry.meta.run_id != meta.run_id:  # the directory's name holds a part of the run id
            return None
        try:
            entry.require_whole()
            self._check(entry.bundle)
        except (BundleError, OSError) as error:
            self._remove_damaged(entry, error)
            return None
        return entry if entry.meta == meta and entry.is_sealed else self._store.rewrite_meta(entry, meta)

    def _remove_damaged(self, entry: Entry, error: Exception) -> None:
        log.error("version_damaged", version=entry.meta.version, reason=str(error))
        self._store.remove(entry)

    def _fetch(self, version: str, path: Path) -> None:
        self._registry.fetch(version, path)
        self._check(path)

    def _check(self, bundle: Path) -> None:
        smoke.check(bundle, dataset=self._settings.expected_dataset, minimum_movies=self._settings.minimum_movies)

    def _is_refused(self, key: str) -> bool:
        return time.monotonic() < self._refused.get(key, (0.0, 0))[0]

    def _refuse_names(self, registered: Registered, error: ValidationError, status: RegistryStatus) -> None:
        """Refuse a version whose number, run or algorithm must not become a directory's name or an answer's part."""
        version = repr(registered.version)[:_NAME_LENGTH]
        if self._is_refused(version):
            return
        wrong = ", ".join(str(name) for fault in error.errors() for name in fault["loc"])
        reason = (
            "Expected a version of digits, a run id of hexadecimal digits and names of at most 256 characters, found "
            f"version {version} of run {repr(registered.run_id)[:_NAME_LENGTH]}; wrong: {wrong}. Nothing was fetched. "
            "See who can write to the registry."
        )
        self._note_refusal(version, version, reason, status)

    def _refuse(self, meta: VersionMeta, reason: str, status: RegistryStatus) -> None:
        self._note_refusal(directory_name(meta), meta.version, reason, status)

    def _note_refusal(self, key: str, version: str, reason: str, status: RegistryStatus) -> None:
        tries = self._refused.get(key, (0.0, 0))[1] + 1
        self._refused[key] = (time.monotonic() + min(RETRY_BASE * 2**tries, RETRY_PAUSE), tries)
        refusal = Refusal(version=version, reason=reason[:_REASON_LENGTH], at=time.time())
        other_versions = [earlier for earlier in status.refusals if earlier.version != version]
        status.refusals = [*other_versions, refusal][-_REFUSALS_SHOWN:]
        status.refusal_count += 1
        log.error("version_refused", version=version, key=key, reason=refusal.reason)

    def _meta(self, registered: Registered) -> VersionMeta:
        return VersionMeta(
            name=self._settings.registered_model,
            version=registered.version,
            run_id=registered.run_id,
            algorithm=registered.tags.get("algorithm", "unknown"),
        )

    def _publish(self, status: RegistryStatus) -> None:
        if status.reachable != self.status.reachable or status.error != self.status.error:
            event = "registry_reached" if status.reachable else "registry_unavailable"
            log.info(event, reason=status.error)
        self.status = status
        try:
            self._store.write_status(status)
            self._unwritten = ""
        except (MovierecError, OSError) as error:
            if str(error) != self._unwritten:  # once, not at each look
                log.error("status_not_written", reason=str(error))
            self._unwritten = str(error)
