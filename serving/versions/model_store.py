"""The local copy of the last good model versions, which workers serve whatever becomes of the registry.

    versions/<version>-<run>/bundle/     the bundle, verified before it got here
    versions/<version>-<run>/meta.json   VersionMeta and the hash of the bundle's manifest
    versions/<version>-<run>/served      empty; touched when the champion's pointer names the version
    champion, challenger                 pointers: name of the served directory, replaced atomically
    status.json                          what the puller last saw, RegistryStatus

Only the puller writes. Bundles are never edited in place, so a worker may map files of a version that is being
replaced or removed. Every small file carries a checksum (`records`), and meta.json leads to the manifest and so to all
other files: whatever is damaged counts as absent, and the puller makes it anew. Stores of older releases, without
checksums, are read, and sealed by the puller.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recommender.bundle import MANIFEST, read_manifest
from recommender.errors import BundleError, BundleIntegrityError, MissingInputError, UsageError
from recommender.files import move, named, remove_directory, remove_file, scratch_directory, write_text
from serving.versions.records import read_small, seal, unseal

Slot = Literal["champion", "challenger"]
SLOTS: tuple[Slot, ...] = ("champion", "challenger")
_PARTIAL = ".partial-"
_STATUS = "status.json"
_SERVED = "served"
_KEY = re.compile(r"[0-9]{1,18}-([0-9a-f]{1,8}|unknown)")  # the name of a version's directory, and nothing else
_OWN_FILES = named(rf"(.+/)?(meta\.json|{_SERVED}|manifest\.json|[a-z][a-z0-9_]*\.npy)")  # in a version's directory


class VersionMeta(BaseModel):
    """Which registered version a bundle is. Version and run become a directory's name: digits and hex alone."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(max_length=256)
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
    run_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")] | None
    algorithm: str = Field(max_length=256)


class _MetaFile(BaseModel):
    """`meta.json`."""

    meta: VersionMeta
    manifest_sha256: str


class _Pointer(BaseModel):
    """`champion` or `challenger`."""

    key: Annotated[str, StringConstraints(pattern=f"^{_KEY.pattern}$")]


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
    manifest_sha256: str | None  # None in a store of an older release

    @property
    def key(self) -> str:
        return self.path.name

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    @property
    def inode(self) -> int | None:
        """Tells a bundle from one that was fetched again in its place."""
        try:
            return self.bundle.stat().st_ino
        except OSError:
            return None

    @property
    def served_at(self) -> int:
        """When the champion's pointer last came to name it, in nanoseconds; 0 where it never did."""
        try:
            return (self.path / _SERVED).stat().st_mtime_ns
        except OSError:
            return 0

    def require_whole(self) -> None:
        """Raise BundleError unless the manifest is the one that was taken and every file is there in its size."""
        self.require_manifest()
        for name, file in read_manifest(self.bundle).files.items():
            path = self.bundle / f"{name}.npy"
            if not _is_readable(path) or path.stat().st_size != file.bytes:
                raise BundleIntegrityError(f"Bundle file {path.name} is missing, unreadable or of another size.")

    def require_manifest(self) -> None:
        """Raise BundleIntegrityError where the manifest is not the one that was taken."""
        if self.manifest_sha256 not in (None, _manifest_hash(self.bundle)):
            raise BundleIntegrityError(f"{MANIFEST} is not the one that came with version {self.meta.version}.")

    def is_whole(self) -> bool:
        """Whether it is complete, without a look at the arrays' content."""
        try:
            self.require_whole()
        except (BundleError, OSError):
            return False
        return True

    @property
    def is_sealed(self) -> bool:
        """Whether its meta.json vouches for its manifest; in a store of an older release it does not yet."""
        return self.manifest_sha256 is not None


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
            entry = _describe(scratch, meta)
            self._replace(final, scratch)
        return Entry(final, meta, entry.manifest_sha256)

    def describe(self, entry: Entry, meta: VersionMeta) -> Entry:
        """Write the meta.json of a version anew, over a bundle that was just verified; it counts as no installation."""
        installed = entry.path.stat()
        described = _describe(entry.path, meta)
        os.utime(entry.path, ns=(installed.st_atime_ns, installed.st_mtime_ns))
        return described

    def entries(self) -> list[Entry]:
        """Every version whose meta.json is sound, the latest installed first."""
        return [entry for path in self._directories() if (entry := _entry(path))]

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
            if self._versions.is_dir() and not self.is_empty(
                slot
            ):  # else this is no store, and the file somebody else's
                _set_aside_directory(pointer)
                remove_file(pointer)
            return
        _write_atomically(pointer, seal(_Pointer(key=entry.key)))
        if slot == "champion":
            _mark(entry.path / _SERVED)

    def is_empty(self, slot: Slot) -> bool:
        """Whether `slot` was emptied; a pointer that cannot be read is damaged, and no word that nothing is served."""
        return not os.path.lexists(self.root / slot)

    def pointed(self, slot: Slot) -> str | None:
        """Name of the directory that `slot` serves; None where the pointer is missing or damaged."""
        content = read_small(self.root / slot)
        pointer = unseal(content, _Pointer)
        if pointer is not None:
            return pointer.key
        older = content.decode("ascii", "replace").strip()  # without a checksum
        return older if _KEY.fullmatch(older) else None

    def serves(self, slot: Slot, entry: Entry) -> bool:
        """Whether `slot` serves `entry`, and everything that says so is as `point` wrote it."""
        pointer = unseal(read_small(self.root / slot), _Pointer)
        marked = slot != "champion" or _is_marked(entry.path / _SERVED)
        return marked and pointer is not None and pointer.key == entry.key

    def current(self, slot: Slot) -> Entry | None:
        """The entry that `slot` serves."""
        key = self.pointed(slot)
        return self.find(key) if key else None

    def remove(self, entry: Entry) -> None:
        """Take a version out of the store."""
        _discard(entry.path)

    def prune(self, keep: int) -> None:
        """Remove all but the `keep` latest whole versions, the served ones, and leftovers of broken installations."""
        served = {key for slot in SLOTS if (key := self.pointed(slot))}
        spare = [entry.key for entry in self.entries() if entry.key not in served and entry.is_whole()]
        kept = served.union(spare[: max(keep - len(served), 0)])
        for path in self._directories():
            if path.name not in kept:
                _discard(path)
        for leftover in self._versions.glob(f"{_PARTIAL}*"):
            _discard(leftover)

    def write_status(self, status: RegistryStatus) -> None:
        """Tell the workers what the registry said."""
        self._make_root()
        _write_atomically(self.root / _STATUS, seal(status))

    def status(self) -> RegistryStatus:
        """What the puller last wrote; an unreachable registry where it never did."""
        return unseal(read_small(self.root / _STATUS), RegistryStatus) or RegistryStatus()

    def _directories(self) -> list[Path]:
        """What is named like a version, the latest first."""
        versions = [path for path in self._versions.glob("*") if _KEY.fullmatch(path.name)]
        return sorted(versions, key=_modified, reverse=True)

    def _make_root(self) -> None:
        """Make the directories. Raises UsageError where files of the same names lie in a directory that is no store."""
        if self._versions.is_dir():
            return
        taken = [name for name in (*SLOTS, _STATUS) if (self.root / name).exists()]
        if taken and not (taken == [_STATUS] and _is_status(read_small(self.root / _STATUS))):
            raise UsageError(
                f"Expected a model store or a new directory at {self.root}, found {', '.join(taken)} and no versions. "
                "Let MOVIEREC_STORE_DIR name another directory."
            )
        self._versions.mkdir(parents=True, exist_ok=True)

    def _replace(self, final: Path, scratch: Path) -> None:
        """Put `scratch` in the place of a damaged version, keeping aside what the service never wrote."""
        _discard(final)
        _set_aside_directory(final)
        move(scratch, final)


def directory_name(meta: VersionMeta) -> str:
    """The run is part of the name: a registry that was set up anew counts from version 1 again."""
    return f"{meta.version}-{(meta.run_id or 'unknown')[:8]}"


def _describe(path: Path, meta: VersionMeta) -> Entry:
    manifest_sha256 = _manifest_hash(path / "bundle")
    if manifest_sha256 is None:
        raise BundleIntegrityError(f"Expected {MANIFEST} in the bundle of version {meta.version}, found none.")
    _write_atomically(path / "meta.json", seal(_MetaFile(meta=meta, manifest_sha256=manifest_sha256)))
    return Entry(path, meta, manifest_sha256)


def _entry(path: Path) -> Entry | None:
    """The version in `path`, where its meta.json is sound and says what the directory's name says."""
    content = read_small(path / "meta.json")
    found = unseal(content, _MetaFile)
    entry = Entry(path, found.meta, found.manifest_sha256) if found else _older_entry(path, content)
    return entry if entry and directory_name(entry.meta) == path.name else None


def _is_status(content: bytes) -> bool:
    """Whether a puller wrote it; releases without checksums left the last field out."""
    try:
        return RegistryStatus.model_validate_json(content).checked_at > 0
    except ValidationError:
        return False


def _older_entry(path: Path, content: bytes) -> Entry | None:
    """A version whose meta.json an older release wrote, without a checksum."""
    try:
        return Entry(path, VersionMeta.model_validate_json(content), None)
    except ValidationError:
        return None


def _manifest_hash(bundle: Path) -> str | None:
    try:
        return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return None


def _mark(marker: Path) -> None:
    if _is_marked(marker):
        marker.touch()
    else:
        _write_atomically(marker, "")


def _is_marked(marker: Path) -> bool:
    return marker.is_file() and _is_readable(marker) and marker.stat().st_size == 0


def _is_readable(path: Path) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def _discard(path: Path) -> None:
    """Remove a version's files, or a file or link where its directory should be; what the service never wrote stays."""
    if path.is_dir() and not path.is_symlink():
        remove_directory(path, _OWN_FILES)
    else:
        with suppress(OSError):
            remove_file(path)


def _set_aside_directory(path: Path) -> None:
    """A directory where a file belongs is none of ours: it makes way, and is not deleted."""
    if path.is_dir() and not path.is_symlink():
        move(path, path.with_name(f".aside-{path.name}-{time.time_ns()}"))


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _write_atomically(path: Path, text: str) -> None:
    try:
        _set_aside_directory(path)
        if not _is_readable(path):
            remove_file(path)  # a new file has the usual modes, one that is replaced keeps its own
        write_text(path, text)
    except OSError as error:
        raise BundleIntegrityError(f"The local model store cannot be written: {error.strerror}.") from error
