"""What the puller tells the workers about the registry: `status.json` in the local store."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ValidationError

from serving.versions.pointers import Slot
from serving.versions.records import read_small, unseal


class Refusal(BaseModel):
    """A version that the puller did not take, and why."""

    version: str
    reason: str
    at: float  # seconds since 1970


class RegistryStatus(BaseModel):
    """What the puller saw when it last looked at the registry; times in seconds since 1970."""

    reachable: bool = False
    checked_at: float = 0.0
    error: str | None = None
    confirmed: dict[Slot, str] = {}  # directory of the version that the registry's alias named at `checked_at`
    refusals: list[Refusal] = []
    refusal_count: int = 0
    pulls: int = 0


def read_status(path: Path) -> RegistryStatus:
    """Return what the puller last wrote; an unreachable registry where it never did."""
    return unseal(read_small(path), RegistryStatus) or RegistryStatus()


def is_sealed_status(path: Path) -> bool:
    """Return whether a puller wrote the file, by its checksum."""
    return unseal(read_small(path), RegistryStatus) is not None


def is_status_file(path: Path) -> bool:
    """Return whether a puller wrote the file; releases without checksums left the last field out."""
    try:
        return RegistryStatus.model_validate_json(read_small(path)).checked_at > 0
    except ValidationError:
        return False
