"""One version in the local store: what it is, and whether all of it is there.

    <version>-<run>/bundle/     the bundle, verified before it got here
    <version>-<run>/meta.json   VersionMeta and the hash of the bundle's manifest
    <version>-<run>/served      empty; touched when the champion's pointer names the version

meta.json leads to the manifest, and the manifest to all other files of the bundle.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from recommender.bundle import MANIFEST, read_manifest, read_manifest_bytes
from recommender.errors import BundleError, BundleIntegrityError
from serving.versions.records import is_marked, is_readable, mark, read_small, unseal, write_record

KEY = re.compile(r"[0-9]{1,18}-([0-9a-f]{1,8}|unknown)")  # the name of a version's directory, and nothing else
BUNDLE = "bundle"
META = "meta.json"
SERVED = "served"


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


@dataclass(frozen=True)
class Entry:
    """A version in the local store."""

    path: Path
    meta: VersionMeta
    manifest_sha256: str | None  # None in a store of an older release

    @property
    def key(self) -> str:
        """Name of its directory."""
        return self.path.name

    @property
    def bundle(self) -> Path:
        """Directory of its bundle."""
        return self.path / BUNDLE

    @property
    def inode(self) -> int | None:
        """Inode of the bundle's directory: another one where the bundle was fetched again."""
        try:
            return self.bundle.stat().st_ino
        except OSError:
            return None

    def state(self) -> frozenset[tuple[str, int, int]]:
        """Return name, inode and time of change of each file of the bundle: another state where one was replaced."""
        try:
            with os.scandir(self.bundle) as files:
                stats = [(file.name, file.stat(follow_symlinks=False)) for file in files]
        except OSError:
            return frozenset()
        return frozenset((name, stat.st_ino, stat.st_ctime_ns) for name, stat in stats)

    @property
    def served_at(self) -> int:
        """When the champion's pointer last came to name it, in nanoseconds; 0 where it never did."""
        try:
            return (self.path / SERVED).stat().st_mtime_ns
        except OSError:
            return 0

    @property
    def is_sealed(self) -> bool:
        """Whether its meta.json vouches for its manifest; in a store of an older release it does not yet."""
        return self.manifest_sha256 is not None

    @property
    def is_marked_served(self) -> bool:
        """Whether the marker file says soundly that the champion's pointer named it."""
        return is_marked(self.path / SERVED)

    def mark_served(self) -> None:
        """Note that the champion's pointer names it from now on."""
        mark(self.path / SERVED)

    def is_whole(self) -> bool:
        """Return whether it is complete, without a look at the arrays' content."""
        try:
            self.require_whole()
        except (BundleError, OSError):
            return False
        return True

    def require_whole(self) -> None:
        """Raise BundleError unless the manifest is the one that was taken and every file is there in its size."""
        self.require_manifest()
        for name, file in read_manifest(self.bundle).files.items():
            path = self.bundle / f"{name}.npy"
            if path.is_symlink() or not is_readable(path) or path.stat().st_size != file.bytes:
                raise BundleIntegrityError(f"Bundle file {path.name} is missing, unreadable or of another size.")

    def require_manifest(self) -> None:
        """Raise BundleIntegrityError where the manifest is not the one that was taken."""
        if self.manifest_sha256 not in (None, _manifest_hash(self.bundle)):
            raise BundleIntegrityError(f"{MANIFEST} is not the one that came with version {self.meta.version}.")


def directory_name(meta: VersionMeta) -> str:
    """Return `<version>-<run>`: a registry that was set up anew counts from version 1 again, with other runs."""
    return f"{meta.version}-{(meta.run_id or 'unknown')[:8]}"


def write_entry(path: Path, meta: VersionMeta) -> Entry:
    """Write the meta.json of the version in the directory `path`, whose bundle was just verified."""
    manifest_sha256 = _manifest_hash(path / BUNDLE)
    if manifest_sha256 is None:
        raise BundleIntegrityError(f"Expected {MANIFEST} in the bundle of version {meta.version}, found none.")
    write_record(path / META, _MetaFile(meta=meta, manifest_sha256=manifest_sha256))
    return Entry(path, meta, manifest_sha256)


def read_entry(path: Path) -> Entry | None:
    """Return the version in the directory `path`; None unless its meta.json is sound and fits the directory's name."""
    content = read_small(path / META)
    record = unseal(content, _MetaFile)
    entry = Entry(path, record.meta, record.manifest_sha256) if record else _read_unsealed(path, content)
    return entry if entry and directory_name(entry.meta) == path.name else None


def _read_unsealed(path: Path, content: bytes) -> Entry | None:
    """Return a version whose meta.json an older release wrote, without a checksum."""
    try:
        return Entry(path, VersionMeta.model_validate_json(content), None)
    except ValidationError:
        return None


def _manifest_hash(bundle: Path) -> str | None:
    try:
        return hashlib.sha256(read_manifest_bytes(bundle)).hexdigest()
    except (BundleError, OSError):
        return None
