"""Small files of the local store: written whole or not at all, and checked by a checksum when they are read.

A record is a JSON object whose last field is the sha256 of everything before it. A byte that was flipped, cut or added
anywhere in such a file is noticed, and the file counts as absent.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from recommender.errors import BundleIntegrityError
from recommender.files import move, remove_file, write_text

_LIMIT = 1 << 20  # bytes; a larger file is not one of ours
_SEALED = re.compile(rb'(?P<body>.+),"checksum":"(?P<checksum>[0-9a-f]{64})"\}', re.DOTALL)

Record = TypeVar("Record", bound=BaseModel)


def seal(record: BaseModel) -> str:
    """Return the record as JSON with its checksum as the last field; the record must have fields."""
    body = record.model_dump_json().removesuffix("}")
    return f'{body},"checksum":"{_checksum(body.encode())}"}}'


def unseal(content: bytes, kind: type[Record]) -> Record | None:
    """Return the record in a file's content, or None where the checksum is missing or wrong."""
    match = _SEALED.fullmatch(content)
    if match is None or _checksum(match["body"]).encode() != match["checksum"]:
        return None
    try:
        return kind.model_validate_json(match["body"] + b"}")
    except ValidationError:
        return None


def read_small(path: Path) -> bytes:
    """Return a small file's content; empty where there is none, it cannot be read, or it is too large to be ours."""
    try:
        if not path.is_file():  # a directory, or a pipe that would block
            return b""
        with path.open("rb") as source:
            content = source.read(_LIMIT + 1)
    except OSError:
        return b""
    return content if len(content) <= _LIMIT else b""


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as JSON with its checksum, replacing the file. Raises BundleIntegrityError if that fails."""
    _write(path, seal(record))


def mark(marker: Path) -> None:
    """Set the time of an empty file to now, making the file where it is missing or not empty."""
    if is_marked(marker):
        marker.touch()
    else:
        _write(marker, "")


def is_marked(marker: Path) -> bool:
    """Return whether the file is there, readable and empty."""
    return marker.is_file() and is_readable(marker) and marker.stat().st_size == 0


def is_readable(path: Path) -> bool:
    """Return whether this process may read the file."""
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def set_aside(path: Path) -> None:
    """Rename what is in the way, if anything is: it is none of ours, and is not deleted."""
    if os.path.lexists(path):
        move(path, path.with_name(f".aside-{path.name}-{time.time_ns()}"))


def set_aside_directory(path: Path) -> None:
    """Rename a directory that is where a file belongs."""
    if path.is_dir() and not path.is_symlink():
        set_aside(path)


def _write(path: Path, text: str) -> None:
    try:
        set_aside_directory(path)
        if not is_readable(path):
            remove_file(path)  # a new file has the usual modes, one that is replaced keeps its own
        write_text(path, text)
    except OSError as error:
        raise BundleIntegrityError(f"The local model store cannot be written: {error.strerror}.") from error


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
