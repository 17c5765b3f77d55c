"""Reading a real MLflow registry, and one that is missing, empty, locked or moved."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from recommender.errors import BundleIntegrityError, RegistryUnavailableError
from recommender.model import Model
from serving.versions import deadline
from serving.versions import registry as reading
from serving.versions.registry import Registry, probe, read_only
from training.registry import CHAMPION, REGISTERED_MODEL, Tracker, register_bundle


@pytest.fixture
def registered(monkeypatch, mlflow_store: str, toy_bundle: Path) -> str:
    """A registry whose champion is version 1; its address."""
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    tracker = Tracker(mlflow_store)
    version = register_bundle(toy_bundle, tracker=tracker, tags={"verdict": "promote"})
    tracker.set_alias(CHAMPION, version.number)
    return mlflow_store


def file_of(uri: str) -> Path:
    found = reading.sqlite_file(uri)
    assert found is not None
    return found


def test_it_reads_aliases_and_fetches_the_bundle(registered: str, tmp_path: Path) -> None:
    registry = Registry(registered, REGISTERED_MODEL)
    found = registry.aliased(CHAMPION)
    assert found is not None
    assert (found.version, found.tags["algorithm"], found.tags["verdict"]) == ("1", "toy", "promote")
    assert registry.aliased("nobody") is None
    assert Registry(registered, "another-model").aliased(CHAMPION) is None
    for number, name in enumerate(("here", "bundle")):  # MLflow itself calls it "bundle"
        for place in (tmp_path / f"whole{number}" / name, Path(f"relative{number}") / name):
            registry.fetch("1", place)
            assert Model.load(place).manifest.algorithm == "toy"


@pytest.mark.fault(15)
def test_a_missing_registry_is_unavailable_and_is_not_created(registered: str, tmp_path: Path) -> None:
    file = file_of(registered)
    registry = Registry(registered, REGISTERED_MODEL)
    assert registry.aliased(CHAMPION) is not None
    moved = tmp_path / "moved.db"
    file.rename(moved)
    for one in (registry, Registry(registered, REGISTERED_MODEL)):
        with pytest.raises(RegistryUnavailableError, match="no registry"):
            one.aliased(CHAMPION)
    assert not file.exists()
    moved.rename(file)
    assert registry.aliased(CHAMPION) is not None


@pytest.mark.fault(15)
def test_a_file_that_vanishes_after_the_look_is_not_created(registered: str, monkeypatch) -> None:
    file = file_of(registered)
    registry = Registry(registered, REGISTERED_MODEL)
    registry.aliased(CHAMPION)
    monkeypatch.setattr(reading, "probe", lambda uri: file.unlink())
    with read_only(), pytest.raises(RegistryUnavailableError):
        registry.aliased(CHAMPION)
    assert not file.exists()


@pytest.mark.fault(15)
def test_a_locked_registry_is_unavailable_soon(registered: str) -> None:
    with closing(sqlite3.connect(file_of(registered))) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        with pytest.raises(RegistryUnavailableError, match="locked"):
            Registry(registered, REGISTERED_MODEL).aliased(CHAMPION)
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_file_that_holds_no_registry_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mlflow.db"
    file.write_bytes(content)
    with pytest.raises(RegistryUnavailableError):
        probe(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_a_server_that_does_not_answer_is_unavailable(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(RegistryUnavailableError):
        Registry("http://127.0.0.1:9", REGISTERED_MODEL).aliased(CHAMPION)


def test_a_database_that_cannot_be_reached_for_want_of_its_driver_is_unavailable() -> None:
    with pytest.raises(RegistryUnavailableError, match="cannot be read") as told:
        Registry("postgresql://reader:canary-7f3a@127.0.0.1:9/mlflow", REGISTERED_MODEL).aliased(CHAMPION)
    assert "canary" not in str(told.value)


def test_a_version_without_its_artifacts_says_what_to_do(registered: str, tmp_path: Path) -> None:
    shutil.rmtree(file_of(registered).parent / "artifacts")
    with pytest.raises(BundleIntegrityError, match="moved"):
        Registry(registered, REGISTERED_MODEL).fetch("1", tmp_path / "got" / "here")


@pytest.mark.fault(56)
def test_an_empty_database_is_left_empty_whatever_its_kind(tmp_path: Path) -> None:
    """A driver's name in the address hides from the look at the file that it is SQLite, as PostgreSQL is none."""
    file = tmp_path / "empty.db"
    file.touch()
    for _ in range(2):
        with pytest.raises(RegistryUnavailableError, match="The database holds no MLflow registry"):
            Registry(f"sqlite+pysqlite:///{file}", REGISTERED_MODEL).aliased(CHAMPION)
    assert file.read_bytes() == b""


@pytest.mark.fault(56)
def test_databases_are_opened_read_only_and_with_limits() -> None:
    for address, expected in (
        ("postgresql", "-c search_path=films -c default_transaction_read_only=on -c statement_timeout=5000"),
        ("mysql+pymysql", "SET SESSION TRANSACTION READ ONLY"),
    ):
        options = {"options": "-c search_path=films"}
        reading._connect_read_only(SimpleNamespace(name=address.partition("+")[0], driver="pymysql"), None, [], options)
        assert expected in options.values()
        assert set(options) >= {"connect_timeout"}


@pytest.mark.fault(46)
def test_calls_that_hang_are_given_up_and_only_so_many_are_begun(monkeypatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(deadline, "_MOST_HANGING", 2)
    try:
        for _ in range(2):
            with pytest.raises(RegistryUnavailableError, match="did not answer within"):
                deadline.within(0.01, release.wait)
        with pytest.raises(RegistryUnavailableError, match="holds 2 calls"):
            deadline.within(0.01, release.wait)
    finally:
        release.set()
    until = time.monotonic() + 30
    while any(thread.is_alive() for thread in deadline._running) and time.monotonic() < until:
        time.sleep(0.01)
    assert deadline.within(30, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        deadline.within(30, lambda: 1 // 0)
