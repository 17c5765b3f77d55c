"""Damage to every file of the local store: nothing crashes, nothing is served under a wrong name, all of it heals."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recommender.errors import BundleIntegrityError
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from serving.versions.ownership import is_marked_store
from serving.versions.pointers import SLOTS
from serving.versions.puller import Puller
from serving.versions.served import load
from serving.versions.slot import ModelSlot
from serving.versions.status import RegistryStatus
from tests.serving.conftest import meta
from tests.serving.versions.fake_registry import FakeRegistry

Damage = Callable[[Path], None]
FLIPS = (0xFF, 0x80, 0x01)
SMALL_FILES = (
    "store.json", "champion", "challenger", "status.json", "versions/*/meta.json", "versions/*/bundle/manifest.json",
)  # fmt: skip
EVERY_FILE = (*SMALL_FILES, "versions/*/served", "versions/*/bundle/content.npy")


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
        assert versions(self) == ("3", "2")
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
        files = [path for path in sorted(self.store.root.glob(pattern)) if "/1-" not in str(path)]
        assert files
        return files

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

    def check_without_registry(self, *, challenger: bool = True) -> None:
        """A started worker serves a version under its own name, running ones theirs; a puller lives.

        `challenger`: False where its slot reads as emptied.
        """
        self.registry.down = True
        assert self.puller.pull() is False
        self.look()
        served = self.started().served
        assert served is not None
        assert served.meta in {meta(number, f"{number:>032}") for number in ("1", "3")}
        assert versions(self)[: 1 + challenger] == ("3", "2")[: 1 + challenger]

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


def damaged_contents(content: bytes) -> list[bytes]:
    """The content with each byte flipped in three ways, and cut at each."""
    return [
        content[:position] + tail
        for position in range(len(content))
        for tail in (*(bytes([content[position] ^ flip]) + content[position + 1 :] for flip in FLIPS), b"")
    ]


def counts_as_absent(world: World, file: Path) -> bool:
    if file.name in SLOTS:
        return world.store.served_key(file.name) is None and not world.store.is_empty(file.name)
    if file.name == "store.json":
        return not is_marked_store(world.store.root)
    if file.name == "status.json":
        return world.store.status() == RegistryStatus()
    if file.name == "meta.json":
        return world.store.find(file.parent.name) is None
    entry = world.store.find(file.parent.parent.name)
    assert entry is not None
    with pytest.raises(BundleIntegrityError, match="not the one"):
        load(entry, stale=False)
    return not entry.is_whole()


@pytest.mark.fault(38)
@pytest.mark.parametrize("pattern", SMALL_FILES)
def test_each_flipped_or_cut_byte_of_each_small_file_makes_it_absent(world: World, pattern: str) -> None:
    file = world.files(pattern)[-1]
    whole = file.read_bytes()
    with file.open("r+b", buffering=0) as opened:
        for position, byte in enumerate(whole):
            for flip in FLIPS:
                os.pwrite(opened.fileno(), bytes([byte ^ flip]), position)
                assert counts_as_absent(world, file), (position, flip)
            os.pwrite(opened.fileno(), bytes([byte]), position)
        for position in reversed(range(len(whole))):
            opened.truncate(position)
            assert counts_as_absent(world, file), position
    world.check_healed()


@pytest.mark.fault(38)
def test_damaged_small_files_do_no_harm_and_are_healed(world: World) -> None:
    """All small files at once, each at another place in every round."""
    contents = {file: damaged_contents(file.read_bytes()) for pattern in SMALL_FILES for file in world.files(pattern)}
    rounds = max(len(damaged) for damaged in contents.values())
    for number in range(0, rounds, 997):
        for file, damaged in contents.items():
            file.write_bytes(damaged[number % len(damaged)])
        world.check_without_registry()
        world.check_healed()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def replace_by_directory(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def replace_by_junk(file: Path) -> None:
    file.write_bytes(b"[" * 10_000_000)


def replace_by_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/nowhere")


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.fault(38)
@pytest.mark.parametrize("pattern", EVERY_FILE)
@pytest.mark.parametrize("damage", [empty, Path.unlink, replace_by_directory, replace_by_junk, replace_by_link])
def test_each_file_that_is_emptied_removed_or_replaced_is_healed(world: World, pattern: str, damage: Damage) -> None:
    for file in world.files(pattern):
        damage(file)
        world.check_without_registry(challenger=(pattern, damage) != ("challenger", Path.unlink))
        world.check_healed()


@pytest.mark.fault(38)
@pytest.mark.parametrize("pattern", EVERY_FILE)
def test_a_pipe_in_place_of_a_file_blocks_nobody(world: World, pattern: str) -> None:
    for file in world.files(pattern):
        replace_by_pipe(file)
        world.check_without_registry()
        world.check_healed()


@pytest.mark.fault(38)
@pytest.mark.parametrize("pattern", EVERY_FILE)
def test_a_file_that_cannot_be_read_is_healed(pattern: str, toy_bundle: Path) -> None:
    """As a user whom file modes bind, which they do not the superuser."""
    root = Path(tempfile.mkdtemp())
    shutil.copytree(toy_bundle, root / "bundle").chmod(0o755)
    try:
        with ordinary_user(root):
            world = World(root, root / "bundle")
            for file in world.files(pattern):
                file.chmod(0)
                world.check_without_registry()
                world.check_healed()
    finally:
        shutil.rmtree(root)


@contextmanager
def ordinary_user(root: Path) -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.chown(root, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.fault(38)
@pytest.mark.parametrize("target", ["../x", "/etc", "3-00000001", "9-none", "", "1-00000000\n3-00000000", "versions"])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_pointer_to_anything_but_a_version_is_none(world: World, target: str, sealed: bool) -> None:
    outside = world.store.root / "x"
    shutil.copytree(world.files("versions/3-*")[0], outside)
    world.whole = world.content()
    for slot in SLOTS:
        body = json.dumps({"key": target}, separators=(",", ":")).removesuffix("}")
        checksum = hashlib.sha256(body.encode()).hexdigest()
        (world.store.root / slot).write_text(f'{body},"checksum":"{checksum}"}}' if sealed else target)
        assert world.store.current(slot) is None
        world.check_without_registry()
        world.check_healed()


@pytest.mark.fault(38)
def test_a_started_worker_serves_what_was_served_last_and_not_what_was_fetched_last(world: World) -> None:
    world.registry.register("1", world.registry.bundles["1"])  # a rollback
    world.puller.pull()
    (world.store.root / "champion").write_bytes(b"\xff")
    served = world.started().served
    assert served is not None
    assert served.meta.version == "1"


@pytest.mark.fault(38)
@pytest.mark.parametrize("when", ["the puller starts", "time has come", "the file was changed"])
def test_a_flipped_bit_in_a_served_array_is_found_and_running_workers_take_the_new_copy(
    world: World, when: str
) -> None:
    """Nothing but the hash tells: size, type and shape are right."""
    for file in world.files("versions/*/bundle/content.npy"):
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    before = world.running["champion"].served
    settings = world.settings.model_copy(update={"inspect_seconds": 1e-6})
    if when != "the file was changed":
        world.puller = Puller(world.registry, world.store, settings if when == "time has come" else world.settings)  # type: ignore[arg-type]
    if when == "time has come":
        world.puller.pull()
    world.check_healed()
    assert world.running["champion"].served is not before
    assert world.registry.fetched == ["1", "3", "2", "3", "2"]


@pytest.mark.fault(38)
def test_a_damaged_copy_that_nothing_points_to_is_removed_by_the_next_inspection(world: World) -> None:
    (spare,) = world.store.root.glob("versions/1-*")
    (spare / "meta.json").write_bytes(b"\xff")
    Puller(world.registry, world.store, world.settings).pull()  # type: ignore[arg-type]
    assert not spare.exists()


@pytest.mark.fault(38)
@pytest.mark.parametrize("name", ["content.npy", "unlisted.npy"])
def test_a_link_in_a_spare_copy_does_not_stop_its_promotion(world: World, name: str) -> None:
    """A link to a file of the same content, which every look at size and hash takes for the file."""
    (spare,), (other,) = (list(world.store.root.glob(f"versions/{number}-*/bundle")) for number in (1, 3))
    (spare / name).unlink(missing_ok=True)
    (spare / name).symlink_to(other / "content.npy")
    world.registry.register("1", world.registry.bundles["1"])
    world.puller.pull()
    world.look()
    assert versions(world)[0] == "1"
    assert not any(path.is_symlink() for path in spare.iterdir())


@pytest.mark.fault(38)
def test_a_store_of_an_older_release_is_served_and_sealed_without_a_download(world: World) -> None:
    for path in world.store.root.glob("versions/*"):
        entry = world.store.find(path.name)
        assert entry is not None
        (path / "meta.json").write_text(entry.meta.model_dump_json())
    for slot in SLOTS:
        (world.store.root / slot).write_text(str(world.store.served_key(slot)))
    (world.store.root / "status.json").write_text(world.store.status().model_dump_json())
    world.check_without_registry()
    world.registry.fetched.clear()
    spare = world.whole.keys() - {name for name in world.whole if name.startswith("versions/1-")}
    world.registry.down = False
    world.puller = Puller(world.registry, world.store, world.settings)  # type: ignore[arg-type]
    world.puller.pull()
    assert world.registry.fetched == []
    assert {name: world.content()[name] for name in spare} == {name: world.whole[name] for name in spare}


@pytest.mark.fault(38)
def test_an_older_meta_file_that_names_another_version_or_algorithm_is_not_believed(world: World) -> None:
    (file,) = world.files("versions/3-*/meta.json")
    entry = world.store.find(file.parent.name)
    assert entry is not None
    file.write_text(entry.meta.model_copy(update={"version": "7"}).model_dump_json())
    assert world.store.find(file.parent.name) is None
    file.write_text(entry.meta.model_copy(update={"algorithm": "tox"}).model_dump_json())
    world.check_healed()
