"""The real service over the toy bundle, and the pages in front of it."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import uvicorn
from streamlit.testing.v1 import AppTest

import webapp
from recommender.bundle import save_bundle
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.entry import VersionMeta
from serving.versions.model_store import ModelStore
from tests.toy import build_arrays, build_manifest
from tests.toy_extras import extras_arrays, save_full_toy
from webapp import source

APP = Path(webapp.__file__).with_name("app.py")
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """A local model store that serves the toy bundle as version 1."""
    root = tmp_path_factory.mktemp("webapp")
    save_full_toy(root / "bundle")
    return stored(root)


def stored(root: Path) -> ModelStore:
    """A local model store that serves the bundle in `root` as version 1."""
    store = ModelStore(root / "store")
    meta = VersionMeta(name="movielens-recommender", version="1", run_id="0123456789abcdef", algorithm="toy")

    def copy(target: Path) -> None:
        shutil.copytree(root / "bundle", target)

    store.point("champion", store.install(meta, copy))
    return store


@pytest.fixture(scope="session")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """A local model store whose second slot holds a version that turns every list of similar films round."""
    root = tmp_path_factory.mktemp("challenger")
    save_full_toy(root / "first")
    arrays = build_arrays() | extras_arrays()
    arrays["neighbour_rows"] = np.ascontiguousarray(arrays["neighbour_rows"][:, ::-1])
    save_bundle(root / "second", build_manifest(), arrays)
    store = ModelStore(root / "store")
    for version, name, slot in (("1", "first", "champion"), ("2", "second", "challenger")):
        meta = VersionMeta(name="movielens-recommender", version=version, run_id=f"{version:>032}", algorithm=name)

        def copy(target: Path, bundle: Path = root / name) -> None:
            shutil.copytree(bundle, target)

        store.point("champion" if slot == "champion" else "challenger", store.install(meta, copy))
    return store


@contextmanager
def serving(store: ModelStore, port: int = 0, *, challenger: bool = False) -> Iterator[str]:
    """The service on a free port of this machine, or on `port`; its address."""
    settings = Settings(challenger_alias="challenger" if challenger else None)
    server = uvicorn.Server(uvicorn.Config(create_app(settings, store), port=port, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def api_url(toy_store: ModelStore) -> Iterator[str]:
    """Address of the service over the toy bundle."""
    with serving(toy_store) as address:
        yield address


@pytest.fixture(scope="session")
def duel_url(two_versions: ModelStore) -> Iterator[str]:
    """Address of a service with champion and challenger."""
    with serving(two_versions, challenger=True) as address:
        yield address


def forget() -> None:
    """Drop every answer that the pages remember; the connection to the service stays open."""
    st.cache_data.clear()
    for answers in (source._card, source._challenger, source._versions, source._experiment):
        answers.clear()


@pytest.fixture
def open_page(api_url: str, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page of the app by its file name, with query parameters, in front of `url` (the toy service if unset)."""

    def opened(page: str, url: str = api_url, **query: str | list[str]) -> AppTest:
        monkeypatch.setenv("MOVIEREC_API_URL", url)
        forget()
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.run()
        app.switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened


def drawn(app: AppTest) -> str:
    """Every text on the page, HTML included."""
    kinds = ("html", "markdown", "title", "header", "subheader", "caption")
    parts = [element.proto.body for kind in kinds for element in app.get(kind)]
    boxes = [*app.info, *app.warning, *app.error, *app.exception]
    return "\n".join([*parts, *(box.value for box in boxes)])


def shown(app: AppTest) -> list[str]:
    """Titles of the list on the page, in its order."""
    return [unescape(title).strip() for title in re.findall(r"<h3>([^<]*)<", drawn(app))]
