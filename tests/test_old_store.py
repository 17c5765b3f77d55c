"""A store that earlier code made: later code serves it, answers as before, compares, promotes and rolls back.

The store was made by `python -m tests.golden make-store`, and is reached by HTTP, the command line and file formats
alone: however the code is arranged, what people have on their disks must go on working.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import mlflow
import pandas as pd
import pytest

from recommender.bundle import read_manifest
from recommender.model import Model
from recommender.scoring.scale import scale_of
from tests.golden import recording, replaying, service, store
from tests.golden.exchange import Client
from tests.training.small import book_id, small_dataset, with_text_ids
from training.pipeline.train import train
from training.registry import Tracker

WITH_ALS, CHAMPION, BEFORE = 3, 10, 1
NAMES_IN_LOGGED_MODELS = {"recommender.errors": ["UsageError"], "recommender.model": ["Model", "Ranked", "Wanted"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old").resolve()
    store.unpack(path)
    return path


def pulled_arrays(home: Path) -> dict[Path, int]:
    """The inode of every array in the local store: a file that is fetched again is another file."""
    return {file: file.stat().st_ino for file in (home / "var/models/versions").rglob("*.npy")}


@pytest.fixture(scope="module")
def arrays_before(home: Path) -> dict[Path, int]:
    return pulled_arrays(home)


@pytest.fixture(scope="module")
def port(home: Path, arrays_before: dict[Path, int]) -> Iterator[int]:
    with service.running(home) as served:
        yield served


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def movierec(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The installed command, run in this process: MLflow takes seconds to import."""
    for name in os.environ.keys() - service.environment().keys():
        monkeypatch.delenv(name)
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    (command,) = entry_points(group="console_scripts", name="movierec")

    def run(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["movierec", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            command.load()()
        code = ended.value.code or 0
        assert isinstance(code, int), code
        return Done(code, *capsys.readouterr())

    return run


def test_every_recorded_request_is_answered_as_before(home: Path, port: int) -> None:
    report = replaying.replay(port, recording.read())
    is_same = report.passes()
    assert is_same, report.text()
    assert len(report.comparisons) == 2000


def test_the_pulled_versions_are_served_as_they_lie_there(
    home: Path, port: int, arrays_before: dict[Path, int]
) -> None:
    status = json.loads((home / "var/models/status.json").read_text())
    assert (status["reachable"], status["refusals"]) == (True, [])
    assert pulled_arrays(home) == arrays_before


def test_comparing_and_describing_say_what_they_said(home: Path, movierec: Command) -> None:
    assert_alike(json.loads(movierec("compare", "--json").out), expected(home, "compare"))
    assert_alike(json.loads(movierec("diff", BEFORE, CHAMPION, "--json").out), expected(home, "diff"))


def test_processed_data_of_the_old_form_name_the_command_that_renews_them(movierec: Command) -> None:
    done = movierec("data", "describe", "twin")
    assert (done.code, "Run `movierec data prepare twin` again, with the --raw" in done.err) == (2, True), done


def test_promoting_and_rolling_back_go_on_where_the_history_ends(home: Path, port: int, movierec: Command) -> None:
    refused = movierec("promote", "--version", WITH_ALS)
    assert (refused.code, "was not promoted: it is worse than" in refused.err) == (3, True)
    assert service.served_version(port) == str(CHAMPION)

    serves = partial(service.serves, port, log=home / "serve.log")
    forced = movierec("promote", "--version", WITH_ALS, "--force", "--reason", "trial")
    assert (forced.code, f"Version {WITH_ALS} is champion." in forced.out) == (0, True)
    serves(WITH_ALS)
    assert movierec("rollback").out == f"Version {CHAMPION} is champion again.\n"
    assert movierec("rollback").out == f"Version {BEFORE} is champion again.\n"  # the old code's own history
    serves(BEFORE)
    judged = movierec("promote", "--version", CHAMPION)
    assert (judged.code, f"Version {CHAMPION} is champion. The gate let it through: it is better" in judged.out) == (
        0,
        True,
    ), judged
    serves(CHAMPION)
    rows = {row["version"]: row for row in json.loads(movierec("compare", "--json").out)}
    assert [(row["alias"], row["verdict"]) for row in (rows[CHAMPION], rows[BEFORE], rows[WITH_ALS])] == [
        ("champion", "promote"),
        ("reference", "forced"),
        ("", "forced"),
    ]


def test_names_that_logged_models_import_stay(home: Path) -> None:
    files = list((home / "mlruns").rglob("pyfunc_model.py"))
    assert len(files) == 10
    for file in files:
        text = file.read_text()
        for module, names in NAMES_IN_LOGGED_MODELS.items():
            assert f"from {module} import {', '.join(names)}\n" in text
    for module, names in NAMES_IN_LOGGED_MODELS.items():
        assert [name for name in names if not hasattr(import_module(module), name)] == []


def similarity_scale(bundle: Path) -> float:
    """Return what brings the similarities of an old bundle to at most 1."""
    return scale_of(read_manifest(bundle).item_scorer, Model.load(bundle).arrays)


def test_every_logged_model_answers_by_the_code_of_today(
    home: Path, movierec: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is imported already, so MLflow's copy of the old code beside each model is not what answers."""
    for module in NAMES_IN_LOGGED_MODELS:
        import_module(module)
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts its copy there
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlruns/mlflow.db")
    for row in expected(home, "compare"):
        loaded = mlflow.pyfunc.load_model(f"models:/movielens-recommender/{row['version']}")
        (bundle,) = home.glob(f"mlruns/artifacts/twin/models/{loaded.model_id}/artifacts/artifacts/bundle")
        for query in json.loads((bundle / "manifest.json").read_text())["golden"]:
            asked = pd.DataFrame([{f"{query['subject']}_id": query["id"]}])
            answer = loaded.predict(asked, params={"n": len(query["movie_ids"])})
            assert answer["movie_id"].tolist() == query["movie_ids"]
            scale = 1.0 if query["subject"] == "user" else similarity_scale(bundle)
            assert answer["score"].tolist() == pytest.approx([scale * score for score in query["scores"]], abs=1e-4)
    used = [str(module.__file__) for name, module in sys.modules.items() if name.partition(".")[0] == "recommender"]
    assert [file for file in used if file.startswith(str(home))] == []


def test_a_version_of_today_stands_beside_the_old_ones(home: Path, port: int, movierec: Command) -> None:
    """One registry holds both bundle formats: compared, promoted, served, rolled back and loaded by MLflow."""
    dataset = replace(with_text_ids(small_dataset(films=60)), name="twin")
    (trained,) = train("popularity", dataset, tracker=Tracker(f"sqlite:///{home}/mlruns/mlflow.db"))
    rows = {row["version"]: row for row in json.loads(movierec("compare", "--dataset", "twin", "--json").out)}
    assert {trained.version, CHAMPION} <= rows.keys()

    serves = partial(service.serves, port, log=home / "serve.log")
    forced = movierec("promote", "--version", trained.version, "--force", "--reason", "new ids")
    assert forced.code == 0, forced
    serves(trained.version)
    with Client(port) as client:
        answer = client.get("/recommend/?" + urlencode({"movie_id": book_id(101)}))
        assert json.loads(answer.body)["query"]["movie_id"] == book_id(101)
        assert client.get("/recommend/?movie_id=101").status == 404
    loaded = mlflow.pyfunc.load_model(f"models:/movielens-recommender/{trained.version}")
    kinds = {column.name: column.type.name for column in loaded.metadata.signature.outputs if column.name == "movie_id"}
    assert kinds == {"movie_id": "string"}
    shown = loaded.predict(pd.DataFrame([{"movie_id": book_id(101)}]), params={"n": 3})
    assert set(shown["movie_id"]) < {book_id(number) for number in range(101, 161)}
    assert movierec("rollback").out == f"Version {CHAMPION} is champion again.\n"
    serves(CHAMPION)
    with Client(port) as client:
        assert client.get(f"/recommend/?{urlencode({'movie_id': book_id(101)})}").status == 422


def expected(home: Path, name: str) -> Any:
    """What the command printed when the store was made."""
    return json.loads((home / f"expected/{name}.json").read_text())


def assert_alike(found: Any, wanted: Any) -> None:
    """The same JSON, but for the last digits of numbers and for keys that came later."""
    match found, wanted:
        case dict(), dict():
            assert [key for key in found if key in wanted] == list(wanted)
            for key in wanted:
                assert_alike(found[key], wanted[key])
        case list(), list():
            assert len(found) == len(wanted)
            for one, other in zip(found, wanted, strict=True):
                assert_alike(one, other)
        case float(), float():
            assert math.isclose(found, wanted, abs_tol=1e-6)
        case _:
            assert found == wanted
