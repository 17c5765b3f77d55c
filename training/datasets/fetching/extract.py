"""Unpack archives from untrusted sources: caps on size, ratio and members, nothing outside the target."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recommender.errors import DataError
from training.progress import Progress, silent

_BLOCK = 1 << 20
_SMALL = 1 << 20  # bytes; below, any ratio is allowed: one repeated line compresses a thousandfold
_NOT_DATA = ("__MACOSX",)


class DamagedArchiveError(DataError):
    """Raised if an archive is broken rather than hostile; fetching it again may help."""


@dataclass(frozen=True)
class Limits:
    """Limits of what an archive may unpack to.

    `total_bytes`: of all members. `ratio`: unpacked over compressed size of a member. `members`: their number.
    """

    total_bytes: int
    ratio: float = 200.0
    members: int = 1000


def extract_folder(
    archive: zipfile.ZipFile,
    folder: str,
    target: Path,
    limits: Limits,
    only: Iterable[str] = (),
    progress: Progress = silent,
) -> None:
    """Extract the regular files under `folder` of `archive` into the directory `target`.

    `only`: names of the members to extract, by default all. Raises DataError for anything suspicious, if possible
    before a byte of it is written.
    """
    required = set(only)
    infos = [info for info in archive.infolist() if not required or info.filename in required]
    relative_paths = {
        info: path.relative_to(folder) for info, path in _checked(infos, limits) if path.is_relative_to(folder)
    }
    if not relative_paths or len(relative_paths) < len(required):
        raise DataError(
            f"Expected {', '.join(sorted(required)) or f'files under {folder}/'} in the archive; not found."
        )
    budget = limits.total_bytes
    total = sum(info.file_size for info in relative_paths) or 1
    for info, relative in relative_paths.items():
        budget -= _write(archive, info, target / relative, budget)
        progress(f"Extracting {folder}", (limits.total_bytes - budget) / total)


def _checked(infos: list[zipfile.ZipInfo], limits: Limits) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Return the members that are regular files, with their paths. Raises DataError for anything suspicious."""
    if len(infos) > limits.members:
        raise _refusal(f"{len(infos)} members, at most {limits.members} are accepted")
    if (declared := sum(info.file_size for info in infos)) > limits.total_bytes:
        raise _refusal(f"{declared:,} bytes, at most {limits.total_bytes:,} are accepted")
    return [(info, _safe_path(info)) for info in infos if not info.is_dir() and _is_file(info, limits)]


def _is_file(info: zipfile.ZipInfo, limits: Limits) -> bool:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refusal(f"{info.filename!r} is a link or a device")
    if info.flag_bits & 1:
        raise _refusal(f"{info.filename!r} is encrypted")
    if info.file_size > _SMALL and info.file_size > limits.ratio * max(info.compress_size, 1):
        raise _refusal(f"{info.filename!r} unpacks to {info.file_size / max(info.compress_size, 1):.0f} times its size")
    return not info.filename.startswith(_NOT_DATA)


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
        raise _refusal(f"{info.filename!r} points outside the target")
    return path


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, budget: int) -> int:
    """Extract one member to `path` and return its size; raises DataError if it is larger than declared or allowed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    try:
        with archive.open(info) as source, path.open("xb") as file:
            while block := source.read(_BLOCK):
                written += len(block)
                if written > min(budget, info.file_size):
                    raise _refusal(f"{info.filename!r} is larger than it says")
                file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, FileExistsError, NotImplementedError) as error:
        raise DamagedArchiveError(f"The archive is damaged at {info.filename!r}: {error}. Fetch it again.") from error
    return written


def _refusal(reason: str) -> DataError:
    return DataError(f"The archive was refused: {reason}. Nothing of it was kept.")
