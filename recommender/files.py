"""Writes, replaces, renames and removes files and directories; a test holds that no other module does.

A directory's *inventory* lists the files in it that this project wrote. Anything else in it, such as a user's notes, is
never lost: a replacement is refused, a removal leaves it there. Links are not followed. New files and directories are
written beside their target and renamed once they are on the disk.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from recommender.errors import MovierecError, UsageError

# Returns the paths of this project's files below a directory ("a/b.csv"), or None if it did not make the directory.
Inventory = Callable[[Path], Collection[str] | None]

# Which step wrote a marked directory; no other step may replace it.
Kind = Literal["fetch", "synth", "stages", "docs"]

MARKER = ".movierec.json"
SCRATCH = ".movierec-"
_SCRATCH_NAME = re.compile(rf"{re.escape(SCRATCH)}[0-9a-f]{{16}}")
_MADE_BY = "movierec"
_NAMED_AT_MOST = 5  # foreign files in a message


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Flush a file, or the entries of a directory, to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.parent / _scratch_name()
    try:
        yield fresh
        with suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):  # a link's target or a device tells nothing of the file that replaces it
                fresh.chmod(stat.S_IMODE(mode))
        sync(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write or replace a file atomically: readers see the old or the new content, even after a power cut."""
    with whole_file(path) as fresh:
        fresh.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write or replace a text file in UTF-8 atomically."""
    write_bytes(path, text.encode())


def remove_file(path: Path) -> None:
    """Remove a file if it exists."""
    path.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Rename a file or directory without replacing anything. Raises FileExistsError if `target` exists."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


@contextmanager
def scratch_directory(parent: Path | None = None, prefix: str = SCRATCH) -> Iterator[Path]:
    """Yield a new directory under `parent` (default: the system's temporary directory), removed after the block."""
    if parent is None:
        scratch = Path(tempfile.mkdtemp(prefix=prefix))
    else:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = parent / _scratch_name(prefix)
        scratch.mkdir()  # not mkdtemp: what becomes a target must have the modes of the user's umask
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield a directory that becomes `target`, which must not exist, after the block; the block syncs its files."""
    with scratch_directory(target.parent) as fresh:
        yield fresh
        sync(fresh)
        move(fresh, target)
    sync(target.parent)


@contextmanager
def replaced_directory(target: Path, inventory: Inventory) -> Iterator[Path]:
    """Yield a directory that replaces `target` when the block ends without an error; the block syncs its files.

    Raises UsageError if `target` holds anything that `inventory` does not list, MovierecError if the disk is full.
    """
    require_replaceable(target, inventory)
    try:
        with scratch_directory(target.parent) as fresh:
            yield fresh
            sync(fresh)
            _swap(fresh, target, require_replaceable(target, inventory))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise MovierecError(
            f"{target} could not be written: {error.strerror}. What was there before is unchanged. Make room on that "
            "disk or name another place, then run the command again."
        ) from error


@contextmanager
def marked_directory(target: Path, kind: Kind) -> Iterator[Path]:
    """Yield a directory that replaces `target` as `replaced_directory` does; a marker file becomes its inventory."""
    with replaced_directory(target, marked_files(kind)) as fresh:
        yield fresh
        for name in entries(fresh):
            sync(fresh / name)
        mark(fresh, entries(fresh), kind)


def require_parent(path: Path) -> None:
    """Raise UsageError where the directory of a file that a user names does not exist."""
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent} to write {path.name} in; make it first.")


def require_replaceable(target: Path, inventory: Inventory) -> list[str]:
    """Check that `target` is missing or holds only files that `inventory` lists, and return their paths.

    Raises UsageError if it is a file or a link, has no name of its own ("..") or holds other files.
    """
    mode = _mode(target)
    if mode is None:
        return []
    if not stat.S_ISDIR(mode):
        raise UsageError(f"Expected a directory at {target}, found a file or a link. Move it or name another path.")
    names = entries(target)
    if foreign := foreign_entries(target, inventory):
        names_text = ", ".join(foreign if len(foreign) <= _NAMED_AT_MOST else [*foreign[:_NAMED_AT_MOST], "..."])
        raise UsageError(
            f"{target} was left as it is. Expected only files that the same step wrote there earlier and nobody "
            f"changed, found also {names_text}. Move them elsewhere or name another directory, then run the command "
            "again."
        )
    return names


def require_new(target: Path) -> None:
    """Check that nothing exists at `target`. Raises UsageError."""
    if _mode(target) is not None:
        raise UsageError(f"{target} exists already; name another directory.")


def remove_directory(directory: Path, inventory: Inventory) -> list[str]:
    """Remove the files that `inventory` lists, and the directory if that empties it; return the paths that stay."""
    if directory.is_symlink():
        return [directory.name]
    foreign = set(foreign_entries(directory, inventory))
    return _remove(directory, [name for name in entries(directory) if name not in foreign])


def entries(directory: Path) -> list[str]:
    """Return the relative paths of all files and links below a directory, and of empty or unreadable folders."""
    names: list[str] = []
    for path in _children(directory):
        inner = entries(path) if path.is_dir() and not path.is_symlink() else []
        names += [f"{path.name}/{name}" for name in inner] or [path.name]
    return names


# inventories


def foreign_entries(directory: Path, inventory: Inventory) -> list[str]:
    """Return the entries of a directory that are not this project's: links, and files that `inventory` does not list.

    Scratch files that a killed process left count as this project's.
    """
    listed = inventory(directory) or ()
    return [
        name
        for name in entries(directory)
        if not any(_SCRATCH_NAME.fullmatch(component) for component in name.split("/"))
        and (name not in listed or (directory / name).is_symlink())
    ]


def mark(directory: Path, names: Iterable[str], kind: Kind) -> None:
    """List files in a directory's marker: they count as this project's until somebody changes them."""
    states = {name: _state(directory / name) for name in names}
    marker = {"made_by": _MADE_BY, "kind": kind, "files": (_marked(directory, kind) or {}) | states}
    write_text(directory / MARKER, json.dumps(marker, indent=0) + "\n")


def marked_files(kind: Kind) -> Inventory:
    """Return an Inventory: a directory's marker and the unchanged files it lists, None without a marker of `kind`."""

    def inventory(directory: Path) -> Collection[str] | None:
        marked = _marked(directory, kind)
        if marked is None:
            return None
        return {MARKER, *(name for name, state in marked.items() if _state(directory / name) == state)}

    return inventory


def named(pattern: str) -> Inventory:
    """Return an Inventory that lists the files whose relative path matches a regular expression."""
    return lambda directory: [name for name in entries(directory) if re.fullmatch(pattern, name)]


def _marked(directory: Path, kind: Kind) -> dict[str, Any] | None:
    try:
        marker = json.loads((directory / MARKER).read_bytes())
        return dict(marker["files"]) if (marker["made_by"], marker["kind"]) == (_MADE_BY, kind) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _state(path: Path) -> list[int] | None:
    """Return size and last change of a file in whole seconds, as copies may round it; None if it is no file."""
    try:
        state = path.lstat()
    except (OSError, ValueError):
        return None
    return [state.st_size, int(state.st_mtime)] if stat.S_ISREG(state.st_mode) else None


# steps


def _mode(target: Path) -> int | None:
    """Return the mode of `target`, links not followed; None if it does not exist. Raises UsageError."""
    if target.name in ("", ".."):
        raise UsageError(f"Expected a directory by its own name, found {str(target)!r}; name another one.")
    try:
        return target.lstat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"No directory can be at {str(target)[:200]!r}: {error}.") from error


def _children(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _scratch_name(prefix: str = SCRATCH) -> str:
    return prefix + os.urandom(8).hex()


def _swap(fresh: Path, target: Path, names: list[str]) -> None:
    """Rename `fresh` to `target`, then remove the files `names` of the directory that it replaces."""
    retired = target.parent / _scratch_name()
    replaces = target.exists()
    if replaces:
        target.rename(retired)
    try:
        fresh.rename(target)
    except OSError:
        if replaces:
            retired.rename(target)
        raise
    sync(target.parent)
    if replaces and (left := _remove(retired, names)):
        rescued = target.with_name(f"{target.name}{_scratch_name('-kept-')}")
        retired.rename(rescued)
        raise UsageError(f"{target} was replaced. Files put there meanwhile are in {rescued}: {', '.join(left)}.")


def _remove(directory: Path, names: Iterable[str]) -> list[str]:
    """Remove entries of a directory and the folders that this leaves empty; return the entries that stay."""
    folders = {directory}
    for path in (directory / name for name in names):
        with suppress(OSError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        folders |= {folder for folder in path.parents if folder.is_relative_to(directory)}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        with suppress(OSError):
            folder.rmdir()
    return entries(directory)
