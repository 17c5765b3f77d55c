"""The package in examples/bpr: a model of one's own, from its installation to answers of a service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import numpy as np
import pytest

from testing.service import Service

EXAMPLE = Path(__file__).parents[1] / "examples" / "bpr"
TRAIN_AND_PROMOTE = """
import sys
import movierec

data = movierec.load(sys.argv[1])
figures = movierec.evaluate("bpr", data, protocol="latest20", factors=8)
baseline = movierec.train("popularity", data)
movierec.promote(baseline["version"].iloc[-1], force=True, reason="the first")
trained = movierec.train("bpr", data, factors=8)
verdict = movierec.promote(trained["version"].iloc[-1])
model = movierec.open("champion")
print(model.name, model.version, figures.loc["ndcg_at_10", "value"], verdict.outcome)
try:
    model.recommend(ratings={"Film 1": 5})
except Exception as error:
    print(type(error).__name__)
print(model.similar("Film 1", n=3).to_json(orient="records"))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A directory with the example as an installer leaves it: the module, and what its entry points are."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    for module in EXAMPLE.glob("*.py"):
        (site / module.name).write_bytes(module.read_bytes())
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "\n".join(f"{name} = {place}" for name, place in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups) + "\n")
    return site


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Sixty users of two tastes and forty films."""
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(5)
    own = (np.arange(60)[:, None] < 30) == (np.arange(40) < 20)
    rated = rng.permutation(np.argwhere(rng.random((60, 40)) < np.where(own, 0.75, 0.12)))
    ratings = [
        f"{user + 1},{film + 1},{5 if own[user, film] else 2},{second}"
        for second, (user, film) in enumerate(rated, start=880_000_000)
    ]
    movies = [f"{film + 1},Film {film} ({1960 + film}),Comedy" for film in range(40)]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]) + "\n")
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]) + "\n")
    return folder


@pytest.fixture(scope="module")
def champion(installed, raw, migrated_store, tmp_path_factory) -> tuple[Path, list[str]]:
    """The home in which the example is champion, and the lines that its training printed."""
    home = tmp_path_factory.mktemp("home")
    (home / "mlruns").mkdir()
    (home / "mlruns" / "mlflow.db").write_bytes(migrated_store.read_bytes())
    variables = {"PYTHONPATH": str(installed), "MOVIEREC_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_AND_PROMOTE, raw],
        cwd=home,
        env={key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home, done.stdout.splitlines()


def test_it_is_evaluated_passes_the_gate_and_becomes_champion(champion):
    name, version, ndcg, decision = champion[1][0].split()
    assert (name, version, decision) == ("bpr", "2", "promote")
    assert float(ndcg) > 0.3, "one half of the films is to a user's taste"


def test_without_a_fold_in_somebody_new_gets_an_error_and_no_list(champion):
    assert champion[1][1] == "NewUserError"


def test_a_service_without_the_package_serves_what_python_answers(champion, tmp_path, monkeypatch):
    home, printed = champion
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it where a store was opened
    settings = {"home": str(home), "explain_users": "true"}
    with Service(tmp_path, workers=1, arguments=(), **settings) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        with httpx.Client(base_url=f"http://127.0.0.1:{service.port}") as api:
            answer = api.get("/recommend/", params={"title": "Film 1", "n": 3}).json()
            shown = [film["movie_id"] for film in answer["recommendations"]]
            assert shown == [film["id"] for film in json.loads(printed[2])]
            assert answer["model"]["algorithm"] == "bpr"
            of_user = api.get("/recommend/", params={"user_id": 1, "n": 5, "explain": True}).json()
            assert len(of_user["recommendations"]) == 5
            of_somebody_new = api.post("/recommend/", json={"ratings": [{"movie_id": 1, "rating": 5}]})
            assert of_somebody_new.status_code == 409
            assert of_somebody_new.json()["type"].endswith("no-new-users")
            assert api.post("/recommend/", json={}).status_code == 200, "the start list needs no fold-in"
