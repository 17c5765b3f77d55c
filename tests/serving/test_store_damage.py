"""Damage to every file of the local store: nothing crashes, nothing is served under a wrong name, all of it heals."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recommender.bundle import read_manifest
from serving.model_store import ModelStore, RegistryStatus
from serving.puller import Puller
from serving.settings import Settings
from serving.slots import ModelSlot
from tests.serving.conftest import copier, meta
from tests.serving.fake_registry import FakeRegistry

Damage = Callable[[Path], None]
FLIPS = (0xFF, 0x80, 0x01)
SMALL_FILES = ("champion", "challenger", "status.json", "versions/*/meta.json")
EVERY_FILE = (*SMALL_FILES, "versions/*/served", "versions/*/bundle/manifest.json", "versions/*/bundle/content.npy")


class World:
    """A registry with champion 3 and challenger 2, and the store that a puller made of it; version 1 was served before.

    Versions 3 and 2 come of one run, so that one changed digit of a name is the name of another version.
    """

    def __init__(self, root: Path, bundle: Path) -> None:
        self.registry = FakeRegistry()
        self.store = ModelStore(root / "models")
        self.settings = Settings(challenger_alias="challenger")
        self.puller = Puller(self.registry, self.store, self.settings)  # type: ignore[arg-type]
        self.registry.register("1", bundle)
        self.puller.pull()
        self.registry.register("3", bundle)
        self.registry.register("2", bundle, alias="challenger")
        self.puller.pull()
        self.running = {slot: ModelSlot(self.store, slot, stale_after=60) for slot in ("champion", "challenger")}
        self.look()
        self.whole = self.content()

    def look(self) -> None:
        """What running workers do four times a second."""
        for slot in self.running.values():
            slot.refresh()

    def started(self) -> ModelSlot:
        """The champion of a worker that starts now."""
        slot = ModelSlot(self.store, "champion", stale_after=60)
        slot.refresh()
        return slot

    def files(self, pattern: str) -> list[Path]:
        """Files of the champion's and challenger's versions, or of the store."""
        return [path for path in sorted(self.store.root.glob(pattern)) if "/1-" not in str(path)]

    def content(self) -> dict[str, bytes | None]:
        """Every file's bytes by name, None for directories; the status without its times."""
        content: dict[str, bytes | None] = {
            str(path.relative_to(self.store.root)): path.read_bytes() if path.is_file() else None
            for path in self.store.root.rglob("*")
            if ".aside-" not in str(path)
        }
        content["status.json"] = repr(self.status()).encode()
        return content

    def status(self) -> RegistryStatus:
        status = self.store.status()
        return RegistryStatus(reachable=status.reachable, confirmed=status.confirmed, refusals=status.refusals)

    def check_without_registry(self) -> None:
        """Workers serve a version under its own name, the running ones the champion; a puller lives."""
        self.registry.down = True
        assert self.puller.pull() is False
        self.look()
        served = self.started().served
        assert served is not None
        assert served.meta in {meta(number, f"{number:>032}") for number in ("1", "3")}
        assert versions(self) == ("3", "2")

    def check_healed(self) -> None:
        """After the next pulls the store is as it was, and every worker serves the right versions."""
        self.registry.down = False
        assert self.puller.pull() is True
        assert self.content() == self.whole
        self.look()
        assert versions(self) == ("3", "2")
        assert not any(slot.served.stale for slot in self.running.values() if slot.served)
        started = self.started().served
        assert started is not None
        assert started.meta == meta("3", f"{3:>032}")


def versions(world: World) -> tuple[str | None, ...]:
    return tuple(slot.served.meta.version if slot.served else None for slot in world.running.values())


@pytest.fixture
def world(tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # thousands of pulls
    return World(tmp_path, toy_bundle)


def damaged_contents(content: bytes) -> Iterator[bytes]:
    """The content with each byte flipped in three ways, and cut at each."""
    for position in range(len(content)):
        for flip in FLIPS:
            yield content[:position] + bytes([content[position] ^ flip]) + content[position + 1 :]
        yield content[:position]


@pytest.mark.parametrize("pattern", SMALL_FILES)
def test_row_38_each_byte_of_each_small_file_is_healed(world: World, pattern: str) -> None:
    for file in world.files(pattern):
        for content in damaged_contents(file.read_bytes()):
            file.write_bytes(content)
            world.check_without_registry()
            world.check_healed()
