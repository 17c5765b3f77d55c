"""Keys that sign ids: made, rotated, and read while old ids may come back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from online.signing_keys import FILE, KEPT_KEYS, ROTATE_SECONDS, keep_keys, read_keys


def test_old_keys_still_check_ids_until_they_are_too_old(tmp_path: Path) -> None:
    first = keep_keys(tmp_path, 0.0)
    assert keep_keys(tmp_path, ROTATE_SECONDS - 1.0) == first == read_keys(tmp_path)
    latest = [keep_keys(tmp_path, ROTATE_SECONDS * turn) for turn in range(1, KEPT_KEYS)][-1]
    assert latest.current != first.current
    assert latest.keys[first.current] == first.keys[first.current]
    assert first.current not in keep_keys(tmp_path, ROTATE_SECONDS * KEPT_KEYS).keys


def test_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    for turn in range(2):
        keep_keys(tmp_path, ROTATE_SECONDS * turn)
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"current": 1, "made_at": 0, "keys": {"2": "00"}}', b"[]"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    assert read_keys(tmp_path) is None
    assert keep_keys(tmp_path, 5.0) == read_keys(tmp_path)


@pytest.mark.parametrize("damage", [b"", None])
def test_a_damaged_or_removed_file_is_written_with_the_keys_that_are_known(
    tmp_path: Path, damage: bytes | None
) -> None:
    known = keep_keys(tmp_path, 5.0)
    (tmp_path / FILE).unlink()
    if damage is not None:
        (tmp_path / FILE).write_bytes(damage)
    assert keep_keys(tmp_path, 6.0, known) == known == read_keys(tmp_path)
