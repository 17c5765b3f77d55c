"""The local copy of the last good model versions, which workers serve whatever becomes of the registry.

    versions/<version>-<run>/bundle/     the bundle, verified before it got here
    versions/<version>-<run>/meta.json   VersionMeta
    champion, challenger                 pointers: name of the served directory, replaced atomically
    status.json                          what the puller last saw, RegistryStatus

Only the puller writes. Directories are never edited in place, so a worker may map files of a version that is being
replaced or removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from recommender.bundle import read_manifest
from recommender.errors import BundleError, BundleIntegrityError, MissingInputError, UsageError
from recommender.files import move, named, remove_directory, remove_file, scratch_directory, write_text

Slot = Literal["champion", "challenger"]
SLOTS: tuple[Slot, ...] = ("champion", "challenger")
_PARTIAL = ".partial-"
_STATUS = "status.json"
_SERVED = "served"  # empty file in the directory of a version that was served
_OWN_FILES = named(rf"(.+/)?(meta\.json|{_SERVED}|manifest\.json|[a-z][a-z0-9_]*\.npy)")  # in a version's directory


class VersionMeta(BaseModel):
    """Which registered version a bundle is."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    run_id: str | None
    algorithm: str


class Refusal(BaseModel):
    """A version that was not taken, and why."""

    version: str
    reason: str
    at: float


class RegistryStatus(BaseModel):
    """What the puller saw; times in seconds since 1970."""

    reachable: bool = False
    checked_at: float = 0.0
    error: str | None = None
    confirmed: dict[Slot, str] = {}  # directory that the registry's alias named at `checked_at`
    refusals: list[Refusal] = []
    refusal_count: int = 0
    pulls: int = 0


@dataclass(frozen=True)
class Entry:
    """A version in the store."""

    path: Path
    meta: VersionMeta

    @property
    def key(self) -> str:
        return self.path.name

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    @property
    def was_served(self) -> bool:
        """Whether the champion's pointer ever named it."""
        return (self.path / _SERVED).exists()

    def is_whole(self) -> bool:
        """Whether every file of the bundle is there in its size."""
        try:
            files = read_manifest(self.bundle).files
            return all((self.bundle / f"{name}.npy").stat().st_size == file.bytes for name, file in files.items())
        except (BundleError, OSError):
            return False


class ModelStore:
    """Versions and pointers under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions = root / "versions"

    def install(self, meta: VersionMeta, fetch: Callable[[Path], None]) -> Entry:
        """Put a version into the store: `fetch(directory)` fills and checks a new directory, which then appears whole.

        Whatever `fetch` raises leaves the store as it was.
        """
        self._make_root()
        final = self._versions / directory_name(meta)
        with scratch_directory(self._versions, _PARTIAL) as scratch:
            fetch(scratch / "bundle")
            (scratch / "meta.json").write_text(meta.model_dump_json())
            self._replace(final, scratch)
        return Entry(final, meta)

    def entries(self) -> list[Entry]:
        """Every whole version, the latest installed first."""
        found = [p for p in self._versions.glob("*") if not p.name.startswith(".")] if self._versions.is_dir() else []
        return [entry for path in sorted(found, key=_modified, reverse=True) if (entry := _entry(path))]

    def find(self, key: str) -> Entry | None:
        """The entry in the directory `key`."""
        return _entry(self._versions / key)

    def version(self, version: str) -> Entry:
        """The latest entry of a registered version. Raises MissingInputError."""
        entries = self.entries()
        for entry in entries:
            if entry.meta.version == version:
                return entry
        held = ", ".join(sorted({entry.meta.version for entry in entries})) or "none"
        raise MissingInputError(f"Version {version} is not in the local store; it holds: {held}.")

    def point(self, slot: Slot, entry: Entry | None) -> None:
        """Serve `entry` in `slot` from now on; None empties the slot."""
        pointer = self.root / slot
        if entry is None:
            if self._versions.is_dir():  # else this is no store, and the file somebody else's
                remove_file(pointer)
        else:
            _write_atomically(pointer, entry.key)
            if slot == "champion":
                (entry.path / _SERVED).touch()

    def pointed(self, slot: Slot) -> str | None:
        """Name of the directory that `slot` serves."""
        try:
            return (self.root / slot).read_text().strip() or None
        except OSError:
            return None

    def current(self, slot: Slot) -> Entry | None:
        """The entry that `slot` serves, where it is whole."""
        key = self.pointed(slot)
        return self.find(key) if key else None

    def remove(self, entry: Entry) -> None:
        """Take a version out of the store."""
        remove_directory(entry.path, _OWN_FILES)

    def prune(self, keep: int) -> None:
        """Remove all but the `keep` latest versions, the served ones, and leftovers of interrupted installations."""
        served = {self.pointed(slot) for slot in SLOTS}
        for entry in [e for e in self.entries() if e.key not in served][max(keep - len(served - {None}), 0) :]:
            self.remove(entry)
        for leftover in self._versions.glob(f"{_PARTIAL}*"):
            remove_directory(leftover, _OWN_FILES)

    def write_status(self, status: RegistryStatus) -> None:
        """Tell the workers what the registry said."""
        self._make_root()
        _write_atomically(self.root / _STATUS, status.model_dump_json())

    def status(self) -> RegistryStatus:
        """What the puller last wrote; an unreachable registry where it never did."""
        try:
            return RegistryStatus.model_validate_json((self.root / _STATUS).read_bytes())
        except (OSError, ValidationError):
            return RegistryStatus()

    def _make_root(self) -> None:
        """Make the directories. Raises UsageError where files of the same names lie in a directory that is no store."""
        if self._versions.is_dir():
            return
        taken = [name for name in (*SLOTS, _STATUS) if (self.root / name).exists()]
        if taken and (taken != [_STATUS] or not self.status().checked_at):
            raise UsageError(
                f"Expected a model store or a new directory at {self.root}, found {', '.join(taken)} and no versions. "
                "Let MOVIEREC_STORE_DIR name another directory."
            )
        self._versions.mkdir(parents=True, exist_ok=True)

    def _replace(self, final: Path, scratch: Path) -> None:
        with suppress(FileNotFoundError):
            move(final, self._versions / f"{_PARTIAL}old-{time.monotonic_ns()}")
        move(scratch, final)


def directory_name(meta: VersionMeta) -> str:
    """The run is part of the name: a registry that was set up anew counts from version 1 again."""
    return f"{meta.version}-{(meta.run_id or 'unknown')[:8]}"


def _entry(path: Path) -> Entry | None:
    try:
        meta = VersionMeta.model_validate_json((path / "meta.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return Entry(path, meta)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _write_atomically(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise BundleIntegrityError(f"The local model store cannot be written: {error.strerror}.") from error
