"""Runs, versions and the pyfunc model in a real tracking store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from recommender.errors import MissingInputError, RegistryUnavailableError
from recommender.model import Model, Wanted
from testing.service import free_port
from tests.toy import save_toy
from training.registry import CHAMPION, REGISTERED_MODEL, Tracker, register_bundle
from training.registry.processes import is_dead, this_process


@pytest.fixture
def tracker(mlflow_store):
    return Tracker(mlflow_store)


@pytest.fixture
def registered(tracker, tmp_path):
    save_toy(tmp_path / "bundle")
    return register_bundle(tmp_path / "bundle", tracker=tracker, tags={"verdict": "promote"})


def test_a_registered_bundle_comes_back_whole_with_its_figures_and_origin(tracker, registered, tmp_path):
    model = Model.load(tracker.bundle(registered.number, tmp_path / "fetched"))
    model.check_golden()

    run = tracker.client.get_run(registered.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"factors": "3"}
    assert run.data.metrics == {"latest20/ndcg_at_10": 0.5}
    intervals = tracker.client.load_table(run.info.experiment_id, "intervals.json", [registered.run_id])
    (figure,) = intervals.to_dict("records")
    assert (figure.pop("protocol"), figure.pop("metric")) == ("latest20", "ndcg_at_10")
    assert figure == pytest.approx({"value": 0.5, "lo": 0.4, "hi": 0.6})
    assert run.data.tags.items() >= {"algorithm": "toy", "data_fingerprint": "toy", "git_commit": "unknown"}.items()
    assert [(given.dataset.name, given.dataset.digest) for given in run.inputs.dataset_inputs] == [("toy", "toy")]
    tags = tracker.version(1).tags
    assert tags.pop("configuration")
    assert tags == {
        "algorithm": "toy",
        "dataset": "toy",
        "data_fingerprint": "toy",
        "films": "12",
        "verdict": "promote",
    }


@pytest.mark.usefixtures("registered")
def test_artifacts_lie_under_mlruns_and_hold_no_pickle(tmp_path):
    files = {path.name for path in (tmp_path / "mlruns" / "artifacts" / "toy").rglob("*") if path.is_file()}
    assert {"manifest.json", "MLmodel", "pyfunc_model.py", "content.npy", "input_example.json"} <= files
    assert not [name for name in files if Path(name).suffix in {".pkl", ".pickle", ".joblib"}]


@pytest.mark.usefixtures("registered")
def test_pyfunc_answers_as_the_model_does_without_pickle(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts its copy of the kernel there
    loaded = mlflow.pyfunc.load_model(f"models:/{REGISTERED_MODEL}/1")
    model = Model.load(tmp_path / "bundle")

    films = loaded.predict(pd.DataFrame({"title": ["Star Voyage"]}), params={"n": 2})
    assert films.title.tolist() == ["The Moon Thieves", "Robot Summer"]
    person = loaded.predict(pd.DataFrame({"user_id": [3]}))
    expected = model.for_user(2, Wanted(n=10))
    assert person.movie_id.tolist() == model.movie_ids.ids[expected.rows].tolist()
    assert person.score.tolist() == pytest.approx(expected.scores.tolist())


def test_an_alias_names_one_version_at_a_time(tracker, registered, tmp_path):
    second = register_bundle(tmp_path / "bundle", tracker=tracker)
    assert tracker.aliased(CHAMPION) is None
    tracker.set_alias(CHAMPION, registered.number)
    tracker.set_alias(CHAMPION, second.number)
    assert [(version.number, version.aliases) for version in tracker.versions()] == [(2, (CHAMPION,)), (1, ())]
    assert tracker.aliased(CHAMPION) == tracker.version(2)


def test_an_unknown_version_is_answered_with_those_there_are(tracker, registered):
    with pytest.raises(MissingInputError, match=r"No version 7 .* there are: 1"):
        tracker.version(7)


def test_a_registry_that_fails_is_not_taken_for_one_without_a_champion(tracker, registered, monkeypatch):
    def locked(*args):
        raise MlflowException("database is locked", error_code=TEMPORARILY_UNAVAILABLE)

    monkeypatch.setattr(tracker.client, "get_model_version_by_alias", locked)
    monkeypatch.setattr(tracker.client, "get_model_version", locked)
    for read in (lambda: tracker.aliased(CHAMPION), lambda: tracker.version(registered.number)):
        with pytest.raises(RegistryUnavailableError, match="locked"):
            read()


def test_looking_into_a_missing_store_makes_none(tmp_path):
    with pytest.raises(MissingInputError, match="movierec train all"):
        Tracker.existing(f"sqlite:///{tmp_path}/nothing/mlflow.db")
    assert not (tmp_path / "nothing").exists()


def test_a_moved_store_says_how_to_mend_it(registered, tmp_path):
    (tmp_path / "mlruns").rename(tmp_path / "moved")
    with pytest.raises(RegistryUnavailableError, match=r"made elsewhere.*movierec relocate"):
        Tracker(f"sqlite:///{tmp_path}/moved/mlflow.db").experiment("toy")


def test_a_run_that_raises_is_failed(tracker):
    with pytest.raises(ZeroDivisionError), tracker.run("toy", "broken", {}) as run:
        raise ZeroDivisionError
    assert tracker.client.get_run(run.run_id).info.status == "FAILED"


def test_the_run_of_a_killed_process_is_failed_by_the_next_start(mlflow_store, tmp_path):
    code = (
        "import os, signal\nfrom training.registry import Tracker\n"
        f"with Tracker({mlflow_store!r}).run('toy', 'killed', {{}}) as run:\n"
        "    print(run.run_id, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert killed.returncode == -9, killed.stderr

    tracker = Tracker(mlflow_store)
    assert tracker.client.get_run(killed.stdout.strip()).info.status == "FAILED"
    with tracker.run("toy", "alive", {}) as run:
        assert Tracker(mlflow_store).client.get_run(run.run_id).info.status == "RUNNING"


@pytest.mark.fault(55)
def test_a_clock_that_was_set_makes_no_living_process_a_dead_one() -> None:
    host, pid, since_1970, since_boot = this_process().split()
    assert not is_dead(this_process())
    assert not is_dead(f"{host} {pid} {float(since_1970) - 7200:.2f} {since_boot}")  # the clock was two hours behind
    assert not is_dead(f"{host} {pid} {since_1970}")  # of an older release
    assert is_dead(f"{host} {pid} {float(since_1970) - 7200:.2f} {float(since_boot) - 7200:.2f}")
    assert is_dead(f"{host} {pid} {float(since_1970) - 7200:.2f}")
    assert not is_dead(f"another-{host} {pid} 1.00 1.00")


def test_a_server_that_is_away_is_named_without_its_password_and_within_seconds(monkeypatch):
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "0")  # to be put back after the test, whatever the tracker sets
        monkeypatch.delenv(name)
    port = free_port()
    with pytest.raises(RegistryUnavailableError) as away:
        Tracker(f"http://ann:secret@127.0.0.1:{port}")
    assert f"at 127.0.0.1:{port}" in str(away.value)
    assert "secret" not in str(away.value)
    assert int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) <= 2
