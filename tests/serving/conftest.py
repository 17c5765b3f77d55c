"""A local store with the toy model, and the service over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.entry import Entry, VersionMeta
from serving.versions.model_store import ModelStore
from serving.versions.status import RegistryStatus
from testing.service import Service
from tests.toy import save_toy
from tests.toy_extras import save_full_toy

RUN = "0123456789abcdef"


def meta(version: str = "1", run_id: str = RUN) -> VersionMeta:
    return VersionMeta(name="movielens-recommender", version=version, run_id=run_id, algorithm="toy")


def copier(bundle: Path) -> Callable[[Path], None]:
    def copy(target: Path) -> None:
        shutil.copytree(bundle, target)

    return copy


def confirm(store: ModelStore, entry: Entry, **changes: object) -> None:
    """Write what a puller writes that has just seen the registry name `entry`."""
    import time

    fields = {"reachable": True, "checked_at": time.time(), "confirmed": {"champion": entry.key}}
    store.write_status(RegistryStatus.model_validate(fields | changes))


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toy") / "bundle"
    save_toy(path)
    return path


@pytest.fixture(scope="session")
def full_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("full") / "bundle"
    save_full_toy(path)
    return path


@pytest.fixture
def store(tmp_path: Path, toy_bundle: Path) -> ModelStore:
    """A store that serves version 1."""
    made = ModelStore(tmp_path / "models")
    entry = made.install(meta(), copier(toy_bundle))
    made.point("champion", entry)
    confirm(made, entry)
    return made


@pytest.fixture
def client(store: ModelStore) -> Iterator[TestClient]:
    """The service over `store`, watching it closely."""
    settings = Settings(watch_seconds=0.02, explain_users=True)
    with TestClient(create_app(settings, store), base_url="http://localhost") as opened:
        yield opened


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[TestClient]:
    """The service over the toy model with extras, for tests that change nothing."""
    made = ModelStore(tmp_path_factory.mktemp("models"))
    entry = made.install(meta(), copier(full_bundle))
    made.point("champion", entry)
    confirm(made, entry)
    settings = Settings(explain_users=True, stale_after_seconds=3600)
    with TestClient(create_app(settings, made), base_url="http://localhost") as opened:
        yield opened


@contextmanager
def ready(made: Service, bundle: Path) -> Iterator[Service]:
    """Real processes that serve `bundle` as version 1."""
    made.promote(bundle, "1")
    with made as running:
        running.wait(lambda: running.status("/readyz") == 200)
        yield running


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[Service]:
    """`movierec serve` over the toy model with extras, as real processes, for tests that change nothing."""
    made = Service(tmp_path_factory.mktemp("live"), stale_after_seconds="3600", explain_users="true", events="true")
    with ready(made, full_bundle) as running:
        yield running


@pytest.fixture
def live(live_service: Service) -> Iterator[httpx.Client]:
    """A client of the real processes."""
    with httpx.Client(base_url=f"http://127.0.0.1:{live_service.port}", timeout=30, trust_env=False) as opened:
        yield opened
