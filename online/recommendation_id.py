"""The id of one recommendation answer: short, opaque and signed, so that the service keeps nothing per answer.

An id holds what it takes to know again what was shown: the versions, the arm of an experiment, the subject, the length
and time of the list, and the seed of what was left to chance. A list by film or user without options can be computed
again from these and the bundle; of other lists the id holds a digest of the request, and `shown` events name the items.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

FORMAT = 1
VERSION_BYTES = 4  # of the sha256 of a version's manifest
NO_VERSION = bytes(VERSION_BYTES)
_LAYOUT = struct.Struct(f">BBBBIII{VERSION_BYTES}s{VERSION_BYTES}sBQ")
_MAC_BYTES = 10
_ID_LENGTH = 4 * -(-(_LAYOUT.size + _MAC_BYTES) // 3)


class Arm(IntEnum):
    """Which side of an experiment made a list."""

    NONE = 0
    CHAMPION = 1
    CHALLENGER = 2
    INTERLEAVED = 3


class Subject(IntEnum):
    """What a list was made for."""

    ITEM = 1  # the row of an item in the version
    USER = 2  # the row of a user in the version
    REQUEST = 3  # the first 8 bytes of the sha256 of a request that had options or ratings


class Recommendation(NamedTuple):
    """What an id says."""

    version: bytes  # of the one that answered: the first bytes of the sha256 of its manifest
    subject_kind: int
    subject: int
    n: int
    time: int  # seconds since 1970
    seed: int = 0  # of what was left to chance, and what makes ids of equal answers differ
    arm: int = Arm.NONE
    other_version: bytes = NO_VERSION  # of an experiment's challenger
    explored: int = 0  # chance of each place to get an item drawn by the seed, in ten-thousandths


def request_subject(request: bytes) -> int:
    """Return the digest that stands for a request which an id cannot hold whole."""
    return int.from_bytes(hashlib.sha256(request).digest()[:8])


def write_id(recommendation: Recommendation, key_number: int, key: bytes) -> bytes:
    """Return the signed id as ASCII bytes; `key_number` (0 to 255) says which key checks it."""
    version, kind, subject, n, time, seed, arm, other, explored = recommendation
    content = _LAYOUT.pack(FORMAT, key_number, arm, n, time, seed, explored, version, other, kind, subject)
    return urlsafe_b64encode(content + hmac.digest(key, content, "sha256")[:_MAC_BYTES]).rstrip(b"=")


def read_id(text: str, keys: Mapping[int, bytes]) -> Recommendation | None:
    """Return what an id says; None for anything that none of the keys, by number, has signed."""
    try:
        signed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)) if len(text) <= _ID_LENGTH else b""
    except (UnicodeEncodeError, Base64Error):
        return None
    if urlsafe_b64encode(signed).rstrip(b"=") != text.encode():
        return None  # bits that say nothing, or other signs: one id has one form
    content, mac = signed[: _LAYOUT.size], signed[_LAYOUT.size :]
    if len(mac) != _MAC_BYTES or content[0] != FORMAT or (key := keys.get(content[1])) is None:
        return None
    if not hmac.compare_digest(hmac.digest(key, content, "sha256")[:_MAC_BYTES], mac):
        return None
    _, _, arm, n, time, seed, explored, version, other, kind, subject = _LAYOUT.unpack(content)
    return Recommendation(version, kind, subject, n, time, seed, arm, other, explored)
