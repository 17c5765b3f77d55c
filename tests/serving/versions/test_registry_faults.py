"""A real registry in front of real processes: what it loses or names wrongly leaves the served version alone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from recommender.bundle import save_bundle
from testing.load import Background, failures
from testing.service import Service
from tests.toy import build_arrays, build_manifest
from training.registry import CHAMPION, Tracker, register_bundle

pytestmark = pytest.mark.slow

CALLS = ["/recommend/?title=Star%20Voyage&n=3", "/recommend/?movie_id=1&genres=Sci-Fi"]


@dataclass(frozen=True)
class Led:
    """A service and the registry that it follows."""

    service: Service
    tracker: Tracker
    file: Path


@pytest.fixture(scope="module")
def led(migrated_store: Path, tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Led]:
    """A running service; the registry's champion is version 1."""
    root = tmp_path_factory.mktemp("led")
    file = Path(shutil.copy(migrated_store, root))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
        tracker = Tracker()
        promote(tracker, toy_bundle)
        with Service(root / "service", workers=1, arguments=()) as service:
            assert service.status("/readyz") in {200, 503}  # alive before there is a version
            service.wait(serves(service, "1"))
            yield Led(service, tracker, file)


def promote(tracker: Tracker, bundle: Path, verdict: str = "promote") -> str:
    """Register a bundle and move the alias to it; its version."""
    number = register_bundle(bundle, tracker=tracker, tags={"verdict": verdict}).number
    tracker.set_alias(CHAMPION, number)
    return str(number)


def serves(service: Service, version: str, *, stale: bool = False) -> Callable[[], bool]:
    def asked() -> bool:
        model = service.json("/model").get("model", {})
        return (model.get("version"), model.get("stale")) == (version, stale)

    return asked


def refusals(service: Service) -> dict[str, str]:
    """Reasons by version, as /model tells them."""
    return {one["version"]: one["reason"] for one in service.json("/model")["registry"]["refusals"]}


@pytest.mark.fault(18)
def test_a_promotion_and_its_rollback_are_served(led: Led, toy_bundle: Path) -> None:
    newer = promote(led.tracker, toy_bundle)
    led.service.wait(serves(led.service, newer))
    led.tracker.set_alias(CHAMPION, 1)
    led.service.wait(serves(led.service, "1"))


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    "pattern",
    ["champion", "status.json", "versions/*/meta.json", "versions/*/bundle/manifest.json", "versions/*/served"],
)
def test_a_torn_file_of_the_store_is_healed_and_fails_no_request(led: Led, pattern: str) -> None:
    led.service.wait(serves(led.service, "1"))
    current = led.service.store.current("champion")
    assert current is not None
    file = led.service.store.root / pattern.replace("*", current.key)
    led.service.wait(file.is_file)  # a version that was fetched again is marked as served a moment later
    whole, workers = file.read_bytes(), led.service.workers()
    with Background(led.service.port, CALLS) as load:
        file.write_bytes(b"\xff" + whole[1:])
        led.service.wait(lambda: file.is_file() and is_healed(led.service, file, whole))
        led.service.wait(serves(led.service, "1"))
    assert list(failures(load.samples)) == []
    assert led.service.workers() == workers


def is_healed(service: Service, file: Path, whole: bytes) -> bool:
    if file.name == "status.json":  # differs in its times
        return service.store.status().reachable
    try:
        return file.read_bytes() == whole
    except OSError:  # being replaced
        return False


@pytest.mark.fault(16)
def test_a_registry_that_is_locked_under_load_fails_no_request(led: Led) -> None:
    with Background(led.service.port, CALLS) as load:
        with closing(sqlite3.connect(led.file)) as blocker:
            blocker.execute("BEGIN EXCLUSIVE")
            led.service.wait(serves(led.service, "1", stale=True))
        led.service.wait(serves(led.service, "1"))
    assert list(failures(load.samples)) == []


@pytest.mark.fault(13)
def test_a_version_damaged_in_the_registry_is_refused_and_the_old_one_serves_on(led: Led, toy_bundle: Path) -> None:
    known = set(led.file.parent.rglob("content.npy"))
    damaged = register_bundle(toy_bundle, tracker=led.tracker, tags={"verdict": "promote"}).number
    (array,) = set(led.file.parent.rglob("content.npy")) - known
    array.write_bytes(array.read_bytes()[:-1])
    with Background(led.service.port, CALLS) as load:
        led.tracker.set_alias(CHAMPION, damaged)
        led.service.wait(lambda: "content" in refusals(led.service).get(str(damaged), ""))
    assert list(failures(load.samples)) == []
    assert serves(led.service, "1", stale=True)()


@pytest.mark.fault(17)
@pytest.mark.parametrize(("verdict", "reason"), [("promote", "not finite"), ("", "gate")])
def test_a_bad_or_unjudged_version_is_refused_and_the_old_one_serves_on(
    led: Led, toy_bundle: Path, tmp_path: Path, verdict: str, reason: str
) -> None:
    content = build_arrays()["content"].copy()
    content[0, 0] = np.nan
    save_bundle(tmp_path / "bundle", build_manifest(), build_arrays() | {"content": content})
    with Background(led.service.port, CALLS) as load:
        bad = promote(led.tracker, tmp_path / "bundle" if verdict else toy_bundle, verdict)
        led.service.wait(lambda: reason in refusals(led.service).get(bad, ""))
    assert list(failures(load.samples)) == []
    assert serves(led.service, "1", stale=True)()


@pytest.mark.fault(17)
def test_an_alias_that_is_deleted_leaves_the_served_version(led: Led) -> None:
    led.tracker.set_alias(CHAMPION, 1)
    led.service.wait(serves(led.service, "1"))
    led.tracker.delete_alias(CHAMPION)
    led.service.wait(serves(led.service, "1", stale=True))
    assert led.service.json("/model")["registry"]["reachable"] is True


def test_every_line_of_the_log_is_one_json_object(led: Led) -> None:
    assert len(led.service.log()) == len(led.service.output().splitlines())


@pytest.mark.fault(38)
def test_a_start_over_torn_files_and_without_the_registry_serves_the_last_good_version(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    made = Service(tmp_path / "service", workers=1, arguments=())
    made.promote(toy_bundle, "1")
    damaged = made.promote(toy_bundle, "2")
    for file in (made.store.root / "champion", made.store.root / "status.json", damaged.path / "meta.json"):
        file.write_bytes(b"\xff" + file.read_bytes()[1:])
    with made as service:
        service.wait(serves(service, "1", stale=True))
        service.wait(lambda: "no registry" in str(service.json("/model")["registry"]["error"]))
        assert service.status(CALLS[0]) == 200
        assert not any(line["event"] == "process_ended" for line in service.log())


@pytest.mark.fault(15)
@pytest.mark.parametrize("fault", ["locked", "no registry"])
def test_a_start_without_the_registry_serves_the_last_good_copy_as_stale(
    fault: str, migrated_store: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    made = Service(tmp_path / "service", workers=1, arguments=())
    made.promote(toy_bundle, "1")
    with ExitStack() as stack:
        if fault == "locked":
            shutil.copy(migrated_store, file)
            stack.enter_context(closing(sqlite3.connect(file))).execute("BEGIN EXCLUSIVE")
        service = stack.enter_context(made)
        service.wait(serves(service, "1", stale=True))
        service.wait(lambda: fault in str(service.json("/model")["registry"]["error"]))
        assert service.status(CALLS[0]) == 200
        assert file.exists() == (fault == "locked")
