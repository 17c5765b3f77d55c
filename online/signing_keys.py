"""The keys that sign recommendation ids, kept in the store and rotated; old ones still check ids that come back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from recommender.files import write_text

FILE = "signing_keys.json"
ROTATE_SECONDS = 30 * 86_400
KEPT_KEYS = 4  # ids are read for 90 to 120 days
_KEY_BYTES = 32


class SigningKeys(NamedTuple):
    """Keys by number (0 to 255); the one that signs is `current`."""

    current: int
    keys: Mapping[int, bytes]
    made_at: float = 0.0  # of the current one, in seconds since 1970


def read_keys(directory: Path) -> SigningKeys | None:
    """Return the keys of a store; None where there are none or the file is damaged."""
    try:
        content = json.loads((directory / FILE).read_text())
        keys = {int(number): bytes.fromhex(key) for number, key in content["keys"].items()}
        signing = SigningKeys(int(content["current"]), keys, float(content["made_at"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_sound = signing.current in keys and all(0 <= number < 256 and len(key) >= 16 for number, key in keys.items())
    return signing if is_sound else None


def keep_keys(directory: Path, now: float, known: SigningKeys | None = None) -> SigningKeys:
    """Make the first key, or a new one where the current one is old; return all. Only the writer process calls it.

    `known`: what the last call returned, which a damaged or removed file is written from.
    """
    in_file = read_keys(directory)
    signing = in_file or known
    if signing is not None and 0 <= now - signing.made_at < ROTATE_SECONDS:
        if in_file is None:
            _write(directory / FILE, signing)
        return signing
    old = {} if signing is None else dict(signing.keys)
    # Behind a damaged file any number may have been in use; a number at random makes ids of a lost key unreadable.
    number = secrets.randbelow(256) if signing is None else (signing.current + 1) % 256
    latest = sorted(old, key=lambda other: (number - other) % 256)[: KEPT_KEYS - 1]
    signing = SigningKeys(
        number, {number: secrets.token_bytes(_KEY_BYTES), **{kept: old[kept] for kept in latest}}, now
    )
    _write(directory / FILE, signing)
    return signing


def _write(path: Path, signing: SigningKeys) -> None:
    if not path.exists():
        path.touch(mode=0o600)
    keys = {number: key.hex() for number, key in signing.keys.items()}
    content = {"current": signing.current, "made_at": signing.made_at, "keys": keys}
    write_text(path, json.dumps(content))  # keeps the modes of the file that it replaces
