"""Let another user's workers read the local store, and say why they cannot."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from recommender.errors import UsageError
from serving.versions.ownership import VERSIONS
from serving.versions.pointers import SLOTS

GROUP_UMASK = 0o027  # what the group reads, and nobody else
_DIRECTORY_MODE, _FILE_MODE = 0o2750, 0o640  # what is made in the directory belongs to its group


def share(root: Path, group: str) -> None:
    """Give a store to a group for reading, if it is not its already. Raises UsageError for an unknown group."""
    try:
        group_id = grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"MOVIEREC_STORE_GROUP {group!r}: expected a group of this system.") from None
    if (root.stat().st_gid, stat.S_IMODE(root.stat().st_mode)) == (group_id, _DIRECTORY_MODE):
        return
    for path in (*root.rglob("*"), root):  # the root last: it says that all is done
        if not path.is_symlink():
            os.chown(path, -1, group_id)
            path.chmod(_DIRECTORY_MODE if path.is_dir() else _FILE_MODE)


def obstacle(root: Path) -> str | None:
    """Return which directory or file of a store this process may not read, with its owner and mode; None for none."""
    places = [*reversed(root.absolute().parents), root, root / VERSIONS, *(root / slot for slot in SLOTS)]
    for path in [*places, *_version_files(root)]:
        try:
            state = path.stat()
        except OSError:  # missing
            continue
        needed = os.X_OK if root.is_relative_to(path) and path != root else os.R_OK
        if not os.access(path, needed | (os.X_OK if stat.S_ISDIR(state.st_mode) else 0)):
            owner = f"user {state.st_uid}, group {state.st_gid}"
            return f"{path} belongs to {owner} and has mode {stat.S_IMODE(state.st_mode):04o}; this is {os.geteuid()}"
    return None


def _version_files(root: Path) -> list[Path]:
    try:
        return sorted((root / VERSIONS).glob("*/**/*"))
    except OSError:
        return []
