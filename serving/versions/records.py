"""Small files that prove themselves: a JSON object whose last field is the sha256 of everything before it.

A byte that was flipped, cut or added anywhere in such a file is noticed, and the file counts as absent.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

_LIMIT = 1 << 20  # bytes; a larger file is not one of ours
_SEALED = re.compile(rb'(?P<body>.+),"checksum":"(?P<checksum>[0-9a-f]{64})"\}', re.DOTALL)

Record = TypeVar("Record", bound=BaseModel)


def seal(record: BaseModel) -> str:
    """The record as JSON with its checksum as the last field; the record must have fields."""
    body = record.model_dump_json().removesuffix("}")
    return f'{body},"checksum":"{_checksum(body.encode())}"}}'


def unseal(content: bytes, kind: type[Record]) -> Record | None:
    """The record in a file's content, None where the checksum is missing or wrong."""
    parts = _SEALED.fullmatch(content)
    if parts is None or _checksum(parts["body"]).encode() != parts["checksum"]:
        return None
    try:
        return kind.model_validate_json(parts["body"] + b"}")
    except ValidationError:
        return None


def read_small(path: Path) -> bytes:
    """A small file's content; empty where there is none, it cannot be read, or it is too large to be ours."""
    try:
        if not path.is_file():  # a directory, or a pipe that would block
            return b""
        with path.open("rb") as source:
            content = source.read(_LIMIT + 1)
    except OSError:
        return b""
    return content if len(content) <= _LIMIT else b""


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
