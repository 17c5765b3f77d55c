"""The whole chain with real parts: raw files, training, registry, API and web page, under one command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from serving.process.python import module_command
from testing.foreign import plant_foreign_packages
from tests.webapp.conftest import APP, drawn

PATIENCE = 240  # seconds; a slow machine is no failure


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty people of two tastes and forty films, in the layout of ratings.csv and movies.csv."""
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(5)
    own = (np.arange(60)[:, None] < 30) == (np.arange(40) < 20)
    rated = rng.permutation(np.argwhere(rng.random((60, 40)) < np.where(own, 0.75, 0.12)))
    ratings = [
        f"{user + 1},{film + 1},{rng.choice([4.0, 4.5, 5.0]) if own[user, film] else rng.choice([1.0, 2.5])},{second}"
        for second, (user, film) in enumerate(rated, start=880_000_000)
    ]
    movies = [
        f"{film + 1},Film {chr(65 + film % 26)}{film} ({1960 + film}),{'Comedy' if film < 20 else 'Drama'}"
        for film in range(40)
    ]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]) + "\n")
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]) + "\n")
    return folder


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    holders = [socket.socket() for _ in range(3)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    found = dict(zip(("api", "webapp", "mlflow"), (holder.getsockname()[1] for holder in holders), strict=True))
    for holder in holders:
        holder.close()
    return found


@pytest.fixture(scope="module")
def demo(raw: Path, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    plant_foreign_packages(home)
    options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    ready = f"http://127.0.0.1:{ports['api']}/readyz"
    with (home / "out.txt").open("wb") as out:
        command = [*MOVIEREC, "demo", "--dataset", "toy", "--raw", str(raw), *options]
        process = subprocess.Popen(command, cwd=home, env=ENVIRONMENT, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(lambda: _status(ready) == httpx.codes.SERVICE_UNAVAILABLE or process.poll() is not None)
        (home / "before.json").write_text((home / "var" / "status.json").read_text())
        _wait(lambda: "Up after" in (home / "out.txt").read_text() or process.poll() is not None)
        assert process.poll() is None, (home / "out.txt").read_text()
        yield home
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    finally:
        process.kill()


MOVIEREC = module_command("movierec.cli.main")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")} | {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"
}


def test_three_addresses_are_printed_and_answer(demo: Path, ports: dict[str, int]) -> None:
    printed = (demo / "out.txt").read_text()
    for port, path in zip(ports.values(), ("/readyz", "/_stcore/health", "/health"), strict=True):
        assert f"http://localhost:{port}" in printed
        assert httpx.get(f"http://127.0.0.1:{port}{path}").status_code == httpx.codes.OK


def test_each_stage_is_printed_with_its_time_and_told_to_the_page_while_no_model_is_ready(demo: Path) -> None:
    printed = (demo / "out.txt").read_text()
    stages = ["Imports", "Data", "MLflow", "Training", "Promotion", "Start"]
    assert re.findall(r"^(\w+) \(\d+\.\d s\)", printed, re.MULTILINE) == stages
    before, after = (json.loads(file.read_text()) for file in (demo / "before.json", demo / "var" / "status.json"))
    assert before["running"]
    assert "Training" not in " ".join(before["ended"]), "the service answered 503 before a model was trained"
    assert not after["running"]


def test_films_like_a_film_are_of_its_taste(demo: Path, ports: dict[str, int]) -> None:
    answer = httpx.get(f"http://127.0.0.1:{ports['api']}/recommend/", params={"title": "Film A0", "n": 5}).json()
    assert answer["query"] == {"title": "Film A0", "movie_id": 1, "matched": "exact"}
    assert answer["model"]["algorithm"] == "recommender"
    assert [film["rank"] for film in answer["recommendations"]] == [1, 2, 3, 4, 5]
    assert all(film["movie_id"] <= 20 for film in answer["recommendations"])


@pytest.mark.parametrize(
    ("page", "query", "expected"),
    [
        ("overview", {}, "average rating"),
        ("recommendations", {"film": "Film A0 (1960)"}, "films like Film A0"),
        ("for_you", {}, "A list of your own"),
        ("film_map", {}, "The map of films"),
        ("analytics", {}, "How people rated it"),
        ("models", {}, "ndcg"),
    ],
)
def test_pages_read_what_a_service_trained_from_files_answers(
    demo: Path, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch, page: str, query: dict[str, str], expected: str
) -> None:
    monkeypatch.setenv("MOVIEREC_API_URL", f"http://127.0.0.1:{ports['api']}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{demo}/mlruns/mlflow.db")
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.run()
    app.switch_page(f"views/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    text = drawn(app.run())
    assert not app.exception
    assert "cannot read" not in text
    assert expected.lower() in text.lower()


@pytest.mark.fault(18)
def test_a_promotion_is_served_without_a_failed_request_and_rollback_goes_back(
    demo: Path, ports: dict[str, int]
) -> None:
    address = f"http://127.0.0.1:{ports['api']}/recommend/"
    with httpx.Client() as client:

        def version() -> str:
            answer = client.get(address, params={"title": "Film A0"})
            assert answer.status_code == httpx.codes.OK
            return str(answer.json()["model"]["version"])

        first = version()
        _movierec(demo, "promote", "--version", "1", "--force", "--reason", "trial")
        _wait(lambda: version() == "1")
        _movierec(demo, "rollback")
        _wait(lambda: version() == first)


def test_a_second_run_makes_nothing_again(demo: Path, raw: Path) -> None:
    started = time.time()
    printed = _movierec(demo, "demo", "--dataset", "toy", "--raw", str(raw), "--no-serve")
    assert "of this data and configuration" in printed
    made = [file for file in (demo / "mlruns" / "artifacts").rglob("*") if file.stat().st_mtime > started]
    assert made == []


def _movierec(home: Path, *words: str) -> str:
    done = subprocess.run([*MOVIEREC, *words], cwd=home, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def _wait(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
