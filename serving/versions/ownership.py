"""Which directories are a local store of ours, and which files in it are a version's: nothing else is touched.

store.json    marker: the service made this directory, or took it over from an older release
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from recommender.bundle import MANIFEST, read_manifest
from recommender.errors import BundleError, UsageError
from recommender.files import SCRATCH, entries, foreign_entries, named
from serving.versions.entry import BUNDLE, KEY, META, SERVED, read_entry
from serving.versions.pointers import SLOTS, read_sealed_pointer
from serving.versions.records import read_small, unseal, write_record
from serving.versions.status import is_sealed_status, is_status_file

MARKER = "store.json"
STATUS = "status.json"
VERSIONS = "versions"
_SMALL_FILES = (META, SERVED, f"{BUNDLE}/{MANIFEST}")
_FILE_NAMES = named(rf"meta\.json|served|{BUNDLE}/(manifest\.json|[a-z][a-z0-9_]*\.npy)")
_NAMED_AT_MOST = 5  # foreign files in a message


class _Marker(BaseModel):
    """`store.json`."""

    made_by: Literal["movierec"] = "movierec"
    kind: Literal["model store"] = "model store"


def is_marked_store(root: Path) -> bool:
    """Return whether the directory has a sound marker."""
    return unseal(read_small(root / MARKER), _Marker) is not None


def mark_store(root: Path) -> None:
    """Write the marker where it is missing or damaged."""
    if not is_marked_store(root):
        write_record(root / MARKER, _Marker())


def is_store(root: Path) -> bool:
    """Return whether the service made the directory: it has the marker, or files that only the service writes."""
    return (
        is_marked_store(root)
        or is_sealed_status(root / STATUS)
        or any(read_sealed_pointer(root / slot) for slot in SLOTS)
        or any(read_entry(path) for path in (root / VERSIONS).glob("*") if KEY.fullmatch(path.name))
    )


def require_store(root: Path) -> None:
    """Raise UsageError unless a store is at `root` or can be made there: nothing, an empty directory, or a store."""
    if is_store(root) or not (foreign := _foreign_names(root)):
        return
    names = ", ".join(foreign if len(foreign) <= _NAMED_AT_MOST else [*foreign[:_NAMED_AT_MOST], "..."])
    raise UsageError(
        f"Expected a model store or an empty or new directory at {root}, found {names} and no version that the service "
        "put there; nothing was changed. Let MOVIEREC_STORE_DIR name another directory."
    )


def is_version(directory: Path) -> bool:
    """Return whether a directory in `versions/` of a store is a version, however damaged, and not somebody else's."""
    if not KEY.fullmatch(directory.name) or directory.is_symlink() or not directory.is_dir():
        return False
    holds_only_our_names = bool(entries(directory)) and not foreign_entries(directory, _FILE_NAMES)
    return holds_only_our_names or read_entry(directory) is not None or _array_files(directory) is not None


def version_files(directory: Path) -> list[str]:
    """Return the relative paths of a version's files: an Inventory. Without a manifest the names must tell."""
    arrays = _array_files(directory)
    return list(_FILE_NAMES(directory) or ()) if arrays is None else [*_SMALL_FILES, *arrays]


def _foreign_names(root: Path) -> list[str]:
    """Return what keeps a directory without any sealed file from being new, or a store that only held a status."""
    try:
        names = sorted(path.name for path in root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(
            f"Expected a directory for the model store at {root}, found one that cannot be read, or a file: "
            f"{error.strerror}. Let MOVIEREC_STORE_DIR name another one."
        ) from error
    allowed = {"lost+found"}  # on a new disk
    if not entries(root / VERSIONS) and (root / VERSIONS).is_dir():
        allowed.add(VERSIONS)
    if is_status_file(root / STATUS):
        allowed.add(STATUS)
    return [name for name in names if name not in allowed and not name.startswith(SCRATCH)]


def _array_files(directory: Path) -> list[str] | None:
    """Return the arrays that the bundle's manifest lists; None unless it reads as one."""
    try:
        return [f"{BUNDLE}/{name}.npy" for name in read_manifest(directory / BUNDLE).files]
    except (BundleError, OSError):
        return None
