"""`make clean` removes what was made here and leaves what a user put beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.files import entries, mark
from serving.versions.entry import VersionMeta
from serving.versions.model_store import ModelStore
from serving.versions.status import RegistryStatus

ROOT = Path(__file__).parents[1]
ID = "0123456789abcdef" * 2
SET, WORK = "data/processed/ml-100k", f"var/training/ml-100k-{ID[:16]}-{ID[:16]}-0"
VERSION, RUN = "var/models/versions/1-a9c6a1a8", f"mlruns/artifacts/ml-100k/{ID}"
MODEL = f"mlruns/artifacts/ml-100k/models/m-{ID}"
MADE = [
    *(f"{SET}/processed_movies.pkl", "data/processed/.ml-100k.lock", f"{WORK}/name.json", f"{WORK}.lock"),
    *("var/models/versions/.partial-0123456789abcdef/bundle/movie_ids.npy", "var/logs/api.log", "var/logs/mlflow.log"),
    *("mlruns/mlflow.db", "mlruns/mlflow.db-wal", "mlruns/mlflow.db-journal", "mlruns/optuna.db"),
    *("mlruns/.mlflow.db.promotion.lock", "mlruns/.mlflow.db.creation.lock", "mlruns/.tune-0123456789abcdef.lock"),
    *(f"var/whole-9/{name}" for name in ("record.json", "stage.log", "var/serve.log", "mlruns/mlflow.db")),
    *(f"{RUN}/artifacts/figures/people_metrics.png", f"{RUN}/artifacts/evaluations/latest20.npz"),
    *(f"{RUN}/artifacts/promotion/20260101T000000000000/{name}" for name in ("report.md", "verdict.json")),
    *(f"{MODEL}/artifacts/{name}" for name in ("MLmodel", "conda.yaml", "pyfunc_model.py", "requirements.txt")),
    *(f"{MODEL}/artifacts/artifacts/bundle/{name}" for name in ("manifest.json", "movie_ids.npy")),
    *(f"{MODEL}/artifacts/code/recommender/{name}" for name in ("model.py", "films/__init__.py")),
]
KEPT = [
    *("data/processed/mine/manifest.json", "data/processed/notes.txt", f"{SET}/quality_report.md"),
    *("var/notes.txt", "var/training/mine/name.json", "var/training/my.lock", "var/logs/mine.log"),
    *("var/models/challenger", "var/models/versions/3-abc/manifest.json", "var/models/versions/3-abc/mine.npy"),
    *(f"{VERSION}/mine.npy", "var/models/versions/.partial-mine/movie_ids.npy"),
    *("mlruns/mine.db", "mlruns/mlflow.db-backup", "mlruns/.mine.lock", f"{RUN}/mynotes.md"),
    *(f"{RUN}/artifacts/figures/mine.txt", f"{MODEL}/artifacts/mine.py", "mlruns/artifacts/ml-100k/models/mynotes.txt"),
]
ELSEWHERE = ["data/raw/toy/ratings.csv", "mlruns/README.md"]  # not named by the script
BESIDE = [
    *("build/mysub/thesis.tex", "dist/thesis.pdf", "data/raw/proj/__pycache__/mine.txt", "var/proj/__pycache__/a.pyc"),
    *("proj/__pycache__/mine.pyc", "training/__pycache__/mine.txt", "recommender/films/ids.py"),
]
BUILT = [
    *("dist/movierec-1.0.0-py3-none-any.whl", "dist/movierec-1.0.0.tar.gz", ".venv/bin/mine", ".mypy_cache/a.json"),
    *("training/__pycache__/a.cpython-312.pyc", "recommender/films/__pycache__/a.pyc"),
]


def write(directory: Path, names: list[str]) -> None:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(f"content of {name}")


def fill_store(root: Path) -> None:
    def fetch(bundle: Path) -> None:
        write(bundle, ["manifest.json", "movie_ids.npy"])

    store = ModelStore(root)
    meta = VersionMeta(name="movierec", version="1", run_id="a9c6a1a8" * 4, algorithm="als")
    store.point("champion", store.install(meta, fetch))
    store.write_status(RegistryStatus(checked_at=1.0))
    older = root / "versions" / "2-unknown"  # as releases without checksums wrote it
    write(older, ["bundle/manifest.json"])
    meta = VersionMeta(name="movierec", version="2", run_id=None, algorithm="als")
    (older / "meta.json").write_text(meta.model_dump_json())


@pytest.fixture
def made(tmp_path):
    fill_store(tmp_path / "var/models")
    write(tmp_path, [*MADE, *KEPT, *ELSEWHERE])
    files = {"processed_movies.pkl": "", "quality_report.md": "of what was written"}
    described = {"format": 3, "name": "ml-100k", "fingerprint": "", "pandas": "", "files": files}
    (tmp_path / SET / "manifest.json").write_text(json.dumps(described))
    mark(tmp_path / WORK, ["name.json"], "stages")
    return tmp_path


def clean(directory: Path) -> str:
    """What the script prints in `directory`, run without any library, as by a Python that has none."""
    command = [sys.executable, "-S", "-m", "scripts.clean"]
    done = subprocess.run(
        command, cwd=directory, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    return done.stdout


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in entries(directory)}


@pytest.mark.fault(58)
def test_what_was_made_here_goes_and_the_rest_is_named(made):
    users = {name: content for name, content in contents(made).items() if name in {*KEPT, *ELSEWHERE}}
    told = clean(made)
    assert contents(made) == users
    assert {line.strip() for line in told.splitlines()[1:]} == {*KEPT}


@pytest.mark.fault(58)
def test_make_clean_leaves_the_users_files_beside_what_was_built(tmp_path):
    write(tmp_path, [*BESIDE, *BUILT])
    users = {name: content for name, content in contents(tmp_path).items() if name in BESIDE}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(["make", "-f", str(ROOT / "Makefile"), "clean"], cwd=tmp_path, env=environment, check=True)
    assert contents(tmp_path) == users


@pytest.mark.fault(58)
@pytest.mark.parametrize(
    "content",
    ["mine", "", "[]", '{"key": "mine"}', '{"key":"1-a9c6a1a8","checksum":"0"}', '{"version": "1"}', "\x00"],
)
def test_files_of_the_stores_names_with_other_content_stay(tmp_path, content):
    names = [
        "models/champion",
        "models/challenger",
        "models/status.json",
        "models/registry.json",
        "models/versions/1-a9c6a1a8/meta.json",
    ]
    write(tmp_path / "var", names)
    for name in names:
        (tmp_path / "var" / name).write_text(content)
    before = contents(tmp_path)
    clean(tmp_path)
    assert contents(tmp_path) == before


def test_pointers_of_older_releases_go(tmp_path):
    write(tmp_path, ["var/models/champion"])
    (tmp_path / "var/models/champion").write_text("1-a9c6a1a8\n")
    assert clean(tmp_path) == ""
    assert not (tmp_path / "var").exists()


@pytest.mark.fault(58)
@pytest.mark.parametrize("name", [SET, WORK, VERSION, RUN, f"{MODEL}/artifacts", RUN.rpartition("/")[0]])
def test_notes_beside_what_goes_stay(made, name):
    (made / name / "notes.txt").write_text("mine")
    clean(made)
    assert (made / name / "notes.txt").read_text() == "mine"


def test_it_says_nothing_where_nothing_is(tmp_path):
    assert clean(tmp_path) == ""
