"""The local store, and workers that follow it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recommender.bundle import read_manifest
from recommender.errors import BundleIntegrityError, MissingInputError, UsageError
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions import slot as slots
from serving.versions.entry import directory_name
from serving.versions.model_store import ModelStore
from serving.versions.ownership import is_marked_store
from serving.versions.puller import Puller
from serving.versions.served import load
from serving.versions.slot import ModelSlot
from serving.versions.status import RegistryStatus
from tests.serving.conftest import confirm, copier, meta
from tests.serving.versions.fake_registry import FakeRegistry

DEADLINE = 10.0  # seconds; a liveness bound, not a speed


def until(condition) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def add(store: ModelStore, bundle: Path, version: str, run_id: str = "b" * 16):
    entry = store.install(meta(version, run_id), copier(bundle))
    store.point("champion", entry)
    confirm(store, entry)
    return entry


def test_an_installation_that_fails_leaves_nothing(store: ModelStore) -> None:
    before = sorted((store.root / "versions").iterdir())

    def fail(target: Path) -> None:
        target.mkdir()
        (target / "half").write_bytes(b"x")
        raise BundleIntegrityError("broken")

    with pytest.raises(BundleIntegrityError):
        store.install(meta("2"), fail)
    assert sorted((store.root / "versions").iterdir()) == before


def test_prune_keeps_the_latest_and_the_served(store: ModelStore, toy_bundle: Path) -> None:
    served = store.current("champion")
    for number in range(2, 6):
        store.install(meta(str(number)), copier(toy_bundle))
    (store.root / "versions" / ".partial-0123456789abcdef").mkdir()
    store.prune(3)
    assert {entry.meta.version for entry in store.entries()} == {"1", "4", "5"}
    assert store.current("champion") == served
    assert not (store.root / "versions" / ".partial-0123456789abcdef").exists()


def test_one_version_number_of_two_registries_is_two_versions(store: ModelStore, toy_bundle: Path) -> None:
    entry = store.install(meta("1", "f" * 16), copier(toy_bundle))
    assert len(store.entries()) == 2
    assert store.version("1") == entry  # the later one


def test_an_unknown_version_names_those_that_are_there(store: ModelStore) -> None:
    with pytest.raises(MissingInputError, match=r"holds: 1\."):
        store.version("7")


def test_a_promotion_is_served_without_a_restart(client: TestClient, store: ModelStore, toy_bundle: Path) -> None:
    assert client.get("/model").json()["model"]["version"] == "1"
    etag = client.get("/recommend/?title=Star%20Voyage").headers["etag"]
    add(store, toy_bundle, "2")
    until(lambda: client.get("/recommend/?title=Star%20Voyage").json()["model"]["version"] == "2")
    after = client.get("/recommend/?title=Star%20Voyage", headers={"if-none-match": etag})
    assert after.status_code == 200
    assert after.headers["etag"] != etag


@pytest.mark.fault(13)
def test_a_damaged_version_in_the_store_is_left_alone(client: TestClient, store: ModelStore, toy_bundle) -> None:
    def truncated(target: Path) -> None:
        shutil.copytree(toy_bundle, target)
        array = target / "neighbour_rows.npy"
        array.write_bytes(array.read_bytes()[:-40])

    store.point("champion", store.install(meta("2"), truncated))
    time.sleep(0.3)
    assert client.get("/model").json()["model"]["version"] == "1"
    add(store, toy_bundle, "3")
    until(lambda: client.get("/model").json()["model"]["version"] == "3")


@pytest.mark.parametrize("damage", ["pointer lost", "pointer to nothing", "bundle emptied"])
def test_a_starting_worker_falls_back_to_a_version_that_is_whole(store: ModelStore, toy_bundle: Path, damage) -> None:
    newest = add(store, toy_bundle, "2")
    if damage == "pointer lost":
        store.point("champion", None)
    elif damage == "pointer to nothing":
        (store.root / "champion").write_text("9-none")
    else:
        shutil.rmtree(newest.bundle)
    slot = ModelSlot(store, "champion", stale_after=5)
    slot.refresh()
    assert slot.served is not None
    assert slot.served.meta.version == ("1" if damage == "bundle emptied" else "2")
    assert slot.served.stale is (damage == "bundle emptied")


def test_a_fallback_was_served_before(store: ModelStore, toy_bundle: Path) -> None:
    store.install(meta("2"), copier(toy_bundle))  # fetched, and the puller was killed before it could point to it
    store.point("champion", None)
    slot = ModelSlot(store, "champion", stale_after=5)
    slot.refresh()
    assert slot.served is not None
    assert slot.served.meta.version == "1"


def test_a_version_that_failed_once_is_tried_again(store: ModelStore, monkeypatch) -> None:
    monkeypatch.setattr(slots, "MAX_PAUSE", 0.5)
    failures = iter([OSError("no memory")])

    def load_later(entry, *, stale):
        for failure in failures:
            raise failure
        return load(entry, stale=stale)

    monkeypatch.setattr(slots, "load", load_later)
    slot = ModelSlot(store, "champion", stale_after=5)
    slot.refresh()
    assert slot.served is None
    time.sleep(0.6)
    slot.refresh()
    assert slot.served is not None


@pytest.mark.fault(15)
def test_with_no_version_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(), ModelStore(tmp_path)), base_url="http://localhost") as client:
        assert client.get("/livez").status_code == 200
        for path in ["/readyz", "/model", "/recommend/?title=Heat", "/analytics/summary"]:
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert answer.json()["type"] == "urn:movierec:problem:no-model"


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({}, False),
        ({"reachable": False}, True),
        ({"checked_at": 0}, True),
        ({"confirmed": {}}, True),  # the alias was deleted
        ({"confirmed": {"champion": "2-other"}}, True),  # another one was promoted and refused
    ],
)
def test_a_version_is_stale_unless_the_registry_confirms_it(store: ModelStore, changes, stale: bool) -> None:
    entry = store.current("champion")
    assert entry is not None
    confirm(store, entry, **changes)
    slot = ModelSlot(store, "champion", stale_after=5)
    slot.refresh()
    assert slot.served is not None
    assert slot.served.stale is stale


def test_after_a_start_a_version_is_stale_until_the_registry_was_reached_again(store: ModelStore) -> None:
    slot = ModelSlot(store, "champion", stale_after=3600, since=time.time() + 0.01)
    slot.refresh()
    assert slot.served is not None
    assert slot.served.stale  # what the puller saw before the start is no news
    entry = store.current("champion")
    assert entry is not None
    time.sleep(0.02)
    confirm(store, entry)
    slot.refresh()
    assert not slot.served.stale


def test_staleness_shows_in_running_answers_and_goes_again(client: TestClient, store: ModelStore) -> None:
    url, entry = "/recommend/?title=Star%20Voyage", store.current("champion")
    assert entry is not None
    assert client.get(url).json()["model"]["stale"] is False
    confirm(store, entry, reachable=False, error="gone")
    until(lambda: client.get(url).json()["model"]["stale"] is True)
    assert client.get("/model").json()["registry"]["error"] == "gone"
    confirm(store, entry)
    until(lambda: client.get(url).json()["model"]["stale"] is False)


def test_a_pinned_version_is_served_whatever_the_pointer_says(store: ModelStore, toy_bundle: Path) -> None:
    add(store, toy_bundle, "2")
    with TestClient(create_app(Settings(), store, pinned="1"), base_url="http://localhost") as client:
        time.sleep(0.3)
        assert client.get("/model").json()["model"] | {"run_id": ""} == {
            "name": "movielens-recommender", "version": "1", "run_id": "", "algorithm": "toy", "stale": False
        }  # fmt: skip


def test_the_challenger_answers_beside_the_champion(store: ModelStore, toy_bundle: Path) -> None:
    settings = Settings(challenger_alias="challenger", watch_seconds=0.02)
    with TestClient(create_app(settings, store), base_url="http://localhost") as client:
        missing = client.get("/recommend/?movie_id=1&model=challenger")
        assert missing.status_code == 404
        assert missing.json()["type"] == "urn:movierec:problem:no-challenger"
        store.point("challenger", store.install(meta("2"), copier(toy_bundle)))
        until(lambda: client.get("/recommend/?movie_id=1&model=challenger").status_code == 200)
        posted = client.post("/recommend/?model=challenger", json={"likes": [1]}).json()
        assert posted["model"]["version"] == "2"
        second = client.get("/recommend/?title=Star%20Voyage&model=challenger").json()
        first = client.get("/recommend/?title=Star%20Voyage").json()
        assert (first["model"]["version"], second["model"]["version"]) == ("1", "2")
        store.point("challenger", None)
        until(lambda: client.get("/movies/1?model=challenger").status_code == 404)
        assert client.get("/movies/1").status_code == 200


def test_metrics_tell_version_staleness_and_refusals(client: TestClient, store: ModelStore) -> None:
    entry = store.current("champion")
    assert entry is not None
    confirm(store, entry, refusal_count=3, confirmed={})
    until(lambda: "movierec_model_stale 1.0" in client.get("/metrics").text)
    text = client.get("/metrics").text
    assert "movierec_pull_refusals_total 3.0" in text
    assert 'movierec_worker_version{slot="champion",version="1"} 1.0' in text


def test_saving_never_changes_a_version_in_place(store: ModelStore, toy_bundle: Path) -> None:
    entry = store.current("champion")
    assert entry is not None
    inode = (entry.bundle / "manifest.json").stat().st_ino
    again = store.install(entry.meta, copier(toy_bundle))
    assert again.path == entry.path
    assert (again.bundle / "manifest.json").stat().st_ino != inode
    assert read_manifest(again.bundle).algorithm == "toy"


@pytest.mark.fault(58)
@pytest.mark.parametrize("way", ["removed", "pruned", "installed again"])
def test_notes_beside_a_version_stay(store: ModelStore, toy_bundle: Path, way: str) -> None:
    entry = store.install(meta("2"), copier(toy_bundle))
    notes = [entry.path / "notes.txt", entry.bundle / "notes.txt"]
    for file in notes:
        file.write_text("mine")
    if way == "removed":
        store.remove(entry)
    elif way == "pruned":
        store.install(meta("3"), copier(toy_bundle))
        store.prune(1)
    else:
        store.install(meta("2"), copier(toy_bundle))
        store.prune(5)
    assert [file.read_text() for file in (store.root / "versions").rglob("notes.txt")] == ["mine", "mine"]
    assert (store.find(entry.key) is not None) == (way == "installed again")


@pytest.mark.fault(58)
@pytest.mark.parametrize("name", ["status.json", "champion", "challenger"])
def test_a_directory_that_is_no_store_is_not_made_one(tmp_path: Path, toy_bundle: Path, name: str) -> None:
    (tmp_path / name).write_text('{"error": "mine"}')
    store = ModelStore(tmp_path)
    with pytest.raises(UsageError, match="MOVIEREC_STORE_DIR"):
        store.write_status(RegistryStatus(checked_at=1.0))
    with pytest.raises(UsageError, match=name):
        store.install(meta("1"), copier(toy_bundle))
    store.point("challenger", None)
    store.prune(1)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, '{"error": "mine"}')]


def test_a_store_that_only_ever_held_a_status_is_one(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(RegistryStatus(checked_at=1.0).model_dump_json())
    ModelStore(tmp_path).write_status(RegistryStatus(checked_at=2.0))
    assert ModelStore(tmp_path).status().checked_at == 2


def write_foreign(root: Path) -> None:
    """A user's files under the names that a store has."""
    for name in (
        "champion",
        "challenger",
        "status.json",
        "store.json",
        "versions/2024-01/manifest.json",
        "versions/2024-01/arrays/weights.npy",
        "versions/2022-11",
        "versions/.partial-mine/meta.json",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('{"mine": true}')


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.fault(58)
def test_a_users_directory_with_a_folder_of_versions_is_left_alone(tmp_path: Path, toy_bundle: Path) -> None:
    write_foreign(tmp_path)
    before = contents(tmp_path)
    registry = FakeRegistry()
    registry.register("1", toy_bundle)
    store = ModelStore(tmp_path)
    puller = Puller(registry, store, Settings())  # type: ignore[arg-type]
    assert puller.pull() is False
    assert "MOVIEREC_STORE_DIR" in str(puller.status.error)
    with pytest.raises(UsageError, match=r"found challenger, champion, status\.json"):
        store.require_ours()
    store.point("challenger", None)
    store.prune(1)
    assert contents(tmp_path) == before


@pytest.mark.fault(58)
@pytest.mark.parametrize("command", [["pull", "--once"], ["serve", "--port", "0"]])
def test_commands_refuse_a_users_directory_with_exit_code_2(tmp_path: Path, command: list[str]) -> None:
    write_foreign(tmp_path / "mine")
    before = contents(tmp_path / "mine")
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("movierec")), *command],
        cwd=tmp_path,
        env=os.environ | {"MOVIEREC_STORE_DIR": "mine"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "MOVIEREC_STORE_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert contents(tmp_path / "mine") == before


@pytest.mark.fault(58)
def test_a_users_files_within_a_store_stay(store: ModelStore, toy_bundle: Path) -> None:
    users = store.root / "versions"
    (users / "2024-01" / "arrays").mkdir(parents=True)
    (users / ".partial-mine").mkdir()
    entry = store.install(meta("2"), copier(toy_bundle))
    files = (
        users / "2024-01" / "manifest.json",
        users / "2024-01" / "arrays" / "weights.npy",
        users / "2022-11",
        users / ".partial-mine" / "meta.json",
        entry.bundle / "mine.npy",
    )
    for file in files:
        file.write_text("mine")
    store.prune(1)
    assert store.find(entry.key) is None
    assert [file.read_text() for file in files] == ["mine"] * len(files)


@pytest.mark.fault(58)
def test_a_users_file_in_the_place_of_a_version_is_set_aside(store: ModelStore, toy_bundle: Path) -> None:
    entry = store.current("champion")
    assert entry is not None
    taken = store.root / "versions" / directory_name(meta("2"))
    taken.write_text("mine")
    assert store.install(meta("2"), copier(toy_bundle)).is_whole()
    (aside,) = taken.parent.glob(f".aside-{taken.name}-*")
    assert aside.read_text() == "mine"


@pytest.mark.parametrize("ours", ["versions", "status.json", "champion"])
def test_a_store_that_lost_its_marker_is_marked_again(store: ModelStore, ours: str) -> None:
    """Whatever of it is left: a version, or a small file with a checksum."""
    (store.root / "store.json").unlink()
    for name in {"versions", "status.json", "champion"} - {ours}:
        shutil.rmtree(store.root / name) if name == "versions" else (store.root / name).unlink()
    store.claim()
    assert is_marked_store(store.root)


@pytest.mark.parametrize("content", ["nothing", "empty", "new disk", "killed at once"])
def test_a_new_directory_becomes_a_store(tmp_path: Path, content: str) -> None:
    root = tmp_path / "models"
    if content != "nothing":
        root.mkdir()
    if content == "new disk":
        (root / "lost+found").mkdir()
    if content == "killed at once":
        (root / ".movierec-0123456789abcdef").touch()
    ModelStore(root).claim()
    assert is_marked_store(root)


@pytest.mark.fault(55)
def test_a_clock_that_is_set_back_makes_nothing_stale_for_long(store: ModelStore) -> None:
    """The service started two hours ahead of the time that is right again."""
    entry = store.current("champion")
    assert entry is not None
    ahead = time.time() + 7200
    confirm(store, entry, checked_at=ahead)
    slot = ModelSlot(store, "champion", stale_after=3600, since=ahead - 1)
    slot.refresh()
    for seconds in (0, 1):  # the puller goes on by the clock that was set
        confirm(store, entry, checked_at=time.time() + seconds)
        slot.refresh()
        assert slot.served is not None
        assert not slot.served.stale


@pytest.mark.fault(46)
def test_a_status_that_nobody_renews_does_not_call_the_registry_reachable(store: ModelStore) -> None:
    slot = ModelSlot(store, "champion", stale_after=0.05)
    slot.refresh()
    time.sleep(0.1)
    slot.refresh()
    assert (slot.status.reachable, slot.status.error) == (
        False, "No puller has looked at the registry in the last 0.05 s."
    )  # fmt: skip


@pytest.mark.fault(45)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("place", ["", "versions", "champion", "versions/1-01234567/bundle/content.npy"])
def test_a_worker_that_may_not_read_the_store_names_path_owner_and_mode(place: str, toy_bundle: Path) -> None:
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        store = ModelStore(Path(root) / "models")
        store.point("champion", store.install(meta(), copier(toy_bundle)))
        (store.root / place).chmod(0o700 if (store.root / place).is_dir() else 0o600)
        look = f"print(obstacle(Path({str(store.root)!r})))"
        code = f"import os; from pathlib import Path; from serving.versions.sharing import *; os.setuid(65534); {look}"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        mode = "0700" if (store.root / place).is_dir() else "0600"
        assert said == f"{store.root / place} belongs to user 0, group 0 and has mode {mode}; this is 65534\n"
