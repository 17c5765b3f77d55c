"""A model version that a worker has loaded, with the bytes that all its answers share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from recommender.model import Model
from serving.versions.entry import Entry, VersionMeta

SHORT_HASH_BYTES = 4  # as many as an id of a recommendation holds


@dataclass(frozen=True)
class Served:
    """A loaded model version, and whether the registry still confirms it."""

    model: Model
    key: str
    meta: VersionMeta
    stale: bool
    inode: int | None = None
    manifest_sha256: str | None = None  # None in a store of an older release

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What every answer says about the model version."""
        return {**self.meta.model_dump(), "stale": self.stale}

    @cached_property
    def identity_json(self) -> bytes:
        """`identity` as JSON."""
        return orjson.dumps(self.identity)

    @cached_property
    def short_hash(self) -> bytes:
        """The first bytes of the sha256 of its manifest; zeros in a store of an older release."""
        return bytes.fromhex(self.manifest_sha256 or "")[:SHORT_HASH_BYTES].ljust(SHORT_HASH_BYTES, b"\0")

    def is_from(self, entry: Entry) -> bool:
        """Return whether it was loaded from this `entry`; a bundle that has gone missing since counts as the same."""
        return self.key == entry.key and entry.inode in (self.inode, None)

    @cached_property
    def tag(self) -> str:
        """Text that differs between versions, for entity tags."""
        return f"{self.key}{'s' if self.stale else ''}"


def load(entry: Entry, *, stale: bool) -> Served:
    """Load the bundle of `entry` by memory mapping, and answer a query so that the first caller does not wait.

    Arrays' hashes were checked when the version came into the store, and the puller checks them from time to time; the
    manifest's hash, sizes, types and shapes are checked here. Raises BundleError.
    """
    inode = entry.inode
    entry.require_manifest()
    model = Model.load(entry.bundle, verify=False)
    model.check_golden()
    model.catalog.split_texts(())  # finds where all films' texts are split
    model.titles.exact("any")  # makes the hash table of all titles
    return Served(model, entry.key, entry.meta, stale, inode, entry.manifest_sha256)
