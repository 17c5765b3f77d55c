"""The local copy of the last good model versions, which workers serve whatever becomes of the registry.

    versions/<version>-<run>/   one version each; see `entry`
    champion, challenger        pointers: name of the served directory, replaced atomically
    store.json                  marker of a store; see `ownership`
    status.json                 what the puller last saw, RegistryStatus
    registry.json               what the API tells of the registry; see `snapshot`

Only the puller writes. Bundles are never edited in place, so a worker may map files of a version that is being
replaced or removed. Every small file carries a checksum (`records`): whatever is damaged counts as absent, and the
puller makes it anew. Stores of older releases, without checksums, are read, and sealed by the puller.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from recommender.errors import MissingInputError
from recommender.files import move, remove_directory, scratch_directory
from serving.versions.entry import BUNDLE, KEY, Entry, VersionMeta, directory_name, read_entry, write_entry
from serving.versions.ownership import (
    STATUS,
    VERSIONS,
    is_store,
    is_version,
    mark_store,
    require_store,
    version_files,
)
from serving.versions.pointers import (
    SLOTS,
    Slot,
    read_pointer,
    read_sealed_pointer,
    remove_pointer,
    write_pointer,
)
from serving.versions.records import set_aside, write_record
from serving.versions.sharing import share
from serving.versions.status import RegistryStatus, read_status

_PARTIAL = ".partial-"
_PARTIAL_NAME = re.compile(rf"{re.escape(_PARTIAL)}[0-9a-f]{{16}}")


class ModelStore:
    """Model versions, pointers to the served ones, and the registry's status under the directory `root`."""

    def __init__(self, root: Path, group: str | None = None) -> None:
        """`group`: whose members may read what is written from now on; the process's umask must allow it."""
        self.root = root
        self._group = group
        self._versions = root / VERSIONS

    def require_ours(self) -> None:
        """Raise UsageError where somebody else's files lie in the directory."""
        require_store(self.root)

    def claim(self) -> None:
        """Make and mark the directories of the store. Raises UsageError as `require_ours` does."""
        self.require_ours()
        mark_store(self.root)
        self._versions.mkdir(parents=True, exist_ok=True)
        if self._group is not None:
            share(self.root, self._group)

    def install(self, meta: VersionMeta, fetch: Callable[[Path], None]) -> Entry:
        """Put a version into the store: `fetch(directory)` fills and checks a new directory, which then appears whole.

        Whatever `fetch` raises leaves the store as it was.
        """
        self.claim()
        target = self._versions / directory_name(meta)
        with scratch_directory(self._versions, _PARTIAL) as scratch:
            fetch(scratch / BUNDLE)
            entry = write_entry(scratch, meta)
            self._replace(target, scratch)
        return Entry(target, meta, entry.manifest_sha256)

    def rewrite_meta(self, entry: Entry, meta: VersionMeta) -> Entry:
        """Write the meta.json of a version anew, over a bundle that was just verified; it counts as no installation."""
        installed = entry.path.stat()
        rewritten = write_entry(entry.path, meta)
        os.utime(entry.path, ns=(installed.st_atime_ns, installed.st_mtime_ns))
        return rewritten

    def entries(self) -> list[Entry]:
        """Return every version whose meta.json is sound, the latest installed first."""
        return [entry for path in self._directories() if (entry := read_entry(path))]

    def find(self, key: str) -> Entry | None:
        """Return the version in the directory `key`."""
        return read_entry(self._versions / key)

    def version(self, version: str) -> Entry:
        """Return the latest installed entry of a registered version. Raises MissingInputError."""
        entries = self.entries()
        for entry in entries:
            if entry.meta.version == version:
                return entry
        stored = ", ".join(sorted({entry.meta.version for entry in entries})) or "none"
        raise MissingInputError(f"Version {version} is not in the local store; it holds: {stored}.")

    def point(self, slot: Slot, entry: Entry | None) -> None:
        """Serve `entry` in `slot` from now on; None empties the slot."""
        pointer = self.root / slot
        if entry is not None:
            write_pointer(pointer, entry.key)
            if slot == "champion":
                entry.mark_served()
        elif not self.is_empty(slot) and is_store(self.root):  # else the file is somebody else's
            remove_pointer(pointer)

    def is_empty(self, slot: Slot) -> bool:
        """Return whether `slot` was emptied; a damaged pointer does not mean that nothing is served."""
        return not os.path.lexists(self.root / slot)

    def served_key(self, slot: Slot) -> str | None:
        """Return the directory's name of the version in `slot`; None where the pointer is missing or damaged."""
        return read_pointer(self.root / slot)

    def serves(self, slot: Slot, entry: Entry) -> bool:
        """Return whether `slot` serves `entry`, and everything that says so is as `point` wrote it."""
        is_marked = slot != "champion" or entry.is_marked_served
        return is_marked and read_sealed_pointer(self.root / slot) == entry.key

    def current(self, slot: Slot) -> Entry | None:
        """Return the version that `slot` serves."""
        key = self.served_key(slot)
        return self.find(key) if key else None

    def remove(self, entry: Entry) -> None:
        """Take a version out of the store."""
        self._clear(entry.path)

    def prune(self, keep: int) -> None:
        """Remove all but the served and the `keep` latest whole versions, and leftovers of broken installations."""
        if not is_store(self.root):
            return
        served = {key for slot in SLOTS if (key := self.served_key(slot))}
        spare = [entry.key for entry in self.entries() if entry.key not in served and entry.is_whole()]
        keys_to_keep = served.union(spare[: max(keep - len(served), 0)])
        for path in self._directories():
            if path.name not in keys_to_keep and is_version(path):
                remove_directory(path, version_files)
        for leftover in self._versions.glob(f"{_PARTIAL}*"):
            if _PARTIAL_NAME.fullmatch(leftover.name):
                remove_directory(leftover, version_files)

    def write_status(self, status: RegistryStatus) -> None:
        """Write what the registry said, for the workers."""
        self.claim()
        write_record(self.root / STATUS, status)

    def status(self) -> RegistryStatus:
        """Return what the puller last wrote; an unreachable registry where it never did."""
        return read_status(self.root / STATUS)

    def _directories(self) -> list[Path]:
        """Return the directories with a version's name, the latest installed first."""
        directories = [path for path in self._versions.glob("*") if KEY.fullmatch(path.name)]
        return sorted(directories, key=_modified, reverse=True)

    def _replace(self, target: Path, scratch: Path) -> None:
        """Put `scratch` in the place of a damaged version, keeping aside what the service never wrote."""
        self._clear(target)
        set_aside(target)
        move(scratch, target)

    def _clear(self, path: Path) -> None:
        """Remove a version's files; what the service never wrote stays, a file or link in its place is renamed."""
        if is_version(path):
            remove_directory(path, version_files)
        elif path.is_symlink() or not path.is_dir():
            set_aside(path)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
