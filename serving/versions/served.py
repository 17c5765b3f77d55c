"""One loaded version in one worker, with the bytes that every answer from it shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from recommender.model import Model
from serving.versions.entry import Entry, VersionMeta


@dataclass(frozen=True)
class Served:
    """A model version, whether the registry still confirms it, and its answers' common part."""

    model: Model
    key: str
    meta: VersionMeta
    stale: bool
    inode: int | None = None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What every answer says about the model."""
        return {**self.meta.model_dump(), "stale": self.stale}

    @cached_property
    def identity_json(self) -> bytes:
        """`identity` as it stands in answers."""
        return orjson.dumps(self.identity)

    def is_from(self, entry: Entry) -> bool:
        """Whether it was loaded from `entry` as it lies in the store now; one that has gone missing is not newer."""
        return self.key == entry.key and entry.inode in (self.inode, None)

    @cached_property
    def tag(self) -> str:
        """What distinguishes this version's answers from another's, for entity tags."""
        return f"{self.key}{'s' if self.stale else ''}"


def load(entry: Entry, *, stale: bool) -> Served:
    """Map the bundle of `entry` and answer a query, so that the first person does not wait for the first touch.

    Arrays' hashes were checked when the version came into the store, and the puller checks them from time to time; the
    manifest's hash, sizes, types and shapes are checked here. Raises BundleError.
    """
    inode = entry.inode
    entry.require_manifest()
    model = Model.load(entry.bundle, verify=False)
    model.check_golden()
    return Served(model, entry.key, entry.meta, stale, inode)
