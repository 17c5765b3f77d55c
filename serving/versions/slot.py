"""Keep a worker's loaded version up to date with the local store, by swapping one reference."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from serving.versions.entry import Entry
from serving.versions.model_store import ModelStore
from serving.versions.pointers import Slot
from serving.versions.served import Served, load
from serving.versions.sharing import obstacle
from serving.versions.status import RegistryStatus

log = structlog.get_logger(__name__)

EARLIER_KEPT = 2  # versions besides the served one that a worker holds for the pages of lists
MAX_PAUSE = 60.0  # seconds between two tries of a version that failed to load


class ModelSlot:
    """The loaded version of one slot, champion or challenger; `watch` keeps it up to date."""

    def __init__(
        self, store: ModelStore, slot: Slot, *, stale_after: float, pinned: str | None = None, since: float = 0.0
    ) -> None:
        """`pinned`: a registered version to serve whatever the registry says; `since`: older status does not count."""
        self._since = since
        self._status_seen = 0.0  # when the puller last looked, by its clock
        self._looked_at = -math.inf  # the same by this process's monotonic clock, which nobody sets
        self.store = store
        self.slot = slot
        self.served: Served | None = None
        self.status = RegistryStatus()
        self._stale_after = stale_after
        self._pinned = pinned
        self._obstacle: str | None = None
        self._failed: dict[str, tuple[float, int]] = {}  # monotonic time of the next try, tries so far
        self._earlier: dict[str, Served] = {}  # by key: versions that began lists whose later pages are asked for
        self._pinning = asyncio.Lock()
        self.on_swap: Callable[[Slot, Served | None, Served | None], None] = lambda slot, before, after: None

    def refresh(self) -> None:
        """Load the version that the store points to if it has changed. Never raises for a bad version."""
        self.status = self._fresh(self.store.status())
        entry = self._next_entry()
        if entry is None:
            self._empty_challenger()
            self._tell_obstacle()
        elif self.served is None or not self.served.is_from(entry):
            self._load(entry)
        if self.served is not None:
            stale = self._is_stale(self.served.key)
            if stale != self.served.stale:
                self._swap(replace(self.served, stale=stale))

    async def watch(self, pause: float) -> None:
        """Refresh every `pause` seconds, for ever, in a thread."""
        while True:
            await asyncio.sleep(pause)
            try:
                await asyncio.to_thread(self.refresh)
            except Exception:  # a worker that stops looking would serve the old version for ever
                log.exception("watch_failed", slot=self.slot)

    async def pinned(self, key: str) -> Served | None:
        """Return the version in the directory `key`, whatever was promoted since; None where it is gone."""
        if self.served is not None and self.served.key == key:
            return self.served
        async with self._pinning:
            if key not in self._earlier:
                served = await asyncio.to_thread(self._load_earlier, key)
                if served is None:
                    return None
                self._earlier[key] = served
                for oldest in list(self._earlier)[:-EARLIER_KEPT]:
                    del self._earlier[oldest]
            return self._earlier[key]

    def _load_earlier(self, key: str) -> Served | None:
        entry = self.store.find(key)
        try:
            return None if entry is None else load(entry, stale=True)
        except Exception:  # a broken bundle may raise anything
            log.exception("version_unusable", slot=self.slot, key=key)
            return None

    def _next_entry(self) -> Entry | None:
        if self._pinned is not None:
            return self.store.version(self._pinned) if self.served is None else None
        entry = self.store.current(self.slot)
        if entry is not None and self._may_try(entry):
            return entry
        return self._fallback() if self.served is None and self.slot == "champion" else None

    def _fallback(self) -> Entry | None:
        """Return the version to serve without a usable pointer: the one served last, or else the latest installed."""
        usable = [entry for entry in self.store.entries() if self._may_try(entry)]
        return max(usable, key=lambda entry: entry.served_at, default=None)

    def _may_try(self, entry: Entry) -> bool:
        """Return whether a version may be loaded now; one that failed waits, as a full disk or memory may pass."""
        return time.monotonic() >= self._failed.get(entry.key, (0.0, 0))[0]

    def _load(self, entry: Entry) -> None:
        started = time.perf_counter()
        try:
            served = load(entry, stale=self._is_stale(entry.key))
        except Exception:  # a broken bundle may raise anything, and none of it may end the worker
            tries = self._failed.get(entry.key, (0.0, 0))[1] + 1
            self._failed[entry.key] = (time.monotonic() + min(2.0**tries, MAX_PAUSE), tries)
            log.exception("version_unusable", slot=self.slot, version=entry.meta.version)
            if self.served is None:
                self.refresh()
            return
        self._swap(served)
        seconds = round(time.perf_counter() - started, 3)
        log.info(
            "version_served", slot=self.slot, version=entry.meta.version, run_id=entry.meta.run_id, seconds=seconds
        )

    def _swap(self, served: Served | None) -> None:
        before, self.served = self.served, served
        self.on_swap(self.slot, before, served)

    def _empty_challenger(self) -> None:
        if self.slot == "challenger" and self.served is not None and self.store.is_empty(self.slot):
            self._swap(None)

    def _tell_obstacle(self) -> None:
        """Log, once, what of the store this process may not read while it has nothing to serve."""
        reason = obstacle(self.store.root) if self.served is None else None
        if reason is not None and reason != self._obstacle:
            log.error("store_unreadable", reason=reason)
        self._obstacle = reason

    def _is_stale(self, key: str) -> bool:
        if self._pinned is not None:
            return False
        return not (self.status.reachable and self.status.confirmed.get(self.slot) == key)

    def _fresh(self, status: RegistryStatus) -> RegistryStatus:
        """Return the status, which says that the registry is not reachable where nobody has looked for too long.

        The age of the first status is told by the wall clock; after that any change shows that the puller lives.
        """
        now = time.monotonic()
        if status.checked_at not in (0.0, self._status_seen):
            age = time.time() - status.checked_at
            if self._status_seen:
                self._looked_at = now
            elif status.checked_at >= self._since and age > -1:  # else an earlier service's, or the clock was set back
                self._looked_at = now - age
            self._status_seen = status.checked_at
        if now - self._looked_at <= self._stale_after:
            return status
        error = f"No puller has looked at the registry in the last {self._stale_after:g} s."
        return status.model_copy(update={"reachable": False, "error": error})
