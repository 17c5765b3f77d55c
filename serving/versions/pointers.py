"""Pointers of the local store: small files that name the directory of the version that a slot serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from recommender.files import remove_file
from serving.versions.entry import KEY
from serving.versions.records import read_small, set_aside_directory, unseal, write_record

Slot = Literal["champion", "challenger"]
SLOTS: tuple[Slot, ...] = ("champion", "challenger")


class _Pointer(BaseModel):
    """`champion` or `challenger`."""

    key: Annotated[str, StringConstraints(pattern=f"^{KEY.pattern}$")]


def write_pointer(path: Path, key: str) -> None:
    """Let the pointer name the version in the directory `key`."""
    write_record(path, _Pointer(key=key))


def remove_pointer(path: Path) -> None:
    """Remove the pointer, so that its slot serves nothing; a directory in its place is renamed."""
    set_aside_directory(path)
    remove_file(path)


def read_pointer(path: Path) -> str | None:
    """Return the directory's name; None where the pointer is missing or damaged."""
    sealed_key = read_sealed_pointer(path)
    if sealed_key is not None:
        return sealed_key
    unsealed_key = read_small(path).decode("ascii", "replace").strip()  # of an older release
    return unsealed_key if KEY.fullmatch(unsealed_key) else None


def read_sealed_pointer(path: Path) -> str | None:
    """Return the directory's name; None also where the pointer has no checksum."""
    pointer = unseal(read_small(path), _Pointer)
    return None if pointer is None else pointer.key
