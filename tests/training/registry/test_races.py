"""Two processes that write the same row of a real tracking store at the same time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.toy import save_toy
from training.registry import CHAMPION, REGISTERED_MODEL, Tracker, register_bundle
from training.registry.relocation import artifact_root

NAME = REGISTERED_MODEL


@contextmanager
def outrun(table: str, rival: Callable[[], object]) -> Iterator[list[str]]:
    """Let `rival` write after MLflow has looked for its row in `table` and before it inserts it; yields the inserts."""
    inserts: list[str] = []

    def before(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(f"INSERT INTO {table} "):
            inserts.append(statement)
            if len(inserts) == 1:
                rival()

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield inserts
    finally:
        event.remove(Engine, "before_cursor_execute", before)


@pytest.fixture(scope="module")
def toy_bundle(tmp_path_factory):
    save_toy(bundle := tmp_path_factory.mktemp("toy") / "bundle")
    return bundle


@pytest.fixture
def tracker(mlflow_store):
    return Tracker(mlflow_store)


@pytest.mark.fault(11)
def test_experiments_that_two_processes_make_and_tag_at_once_are_made_and_tagged(tracker):
    rival = MlflowClient(tracker.uri)
    with outrun("experiments", lambda: rival.create_experiment("toy", f"{artifact_root(tracker.file)}/toy")) as inserts:
        number = tracker._create_experiment("toy")
    assert inserts
    tracker.tag_experiment("toy", {})  # the usual tags
    with outrun("experiment_tags", lambda: rival.set_experiment_tag(number, "view", "the rival's")) as inserts:
        tracker.tag_experiment("toy", {"view": "ours"})
    assert inserts
    assert tracker.client.get_experiment(number).tags["view"] == "ours"


@pytest.mark.fault(11)
def test_versions_that_two_processes_register_tag_and_promote_at_once_are_whole(tracker, toy_bundle):
    rival = MlflowClient(tracker.uri)
    with outrun("registered_models", lambda: rival.create_registered_model(NAME)) as inserts:
        register_bundle(toy_bundle, tracker=tracker)
    assert inserts
    races = {
        "registered_model_tags": (
            lambda: rival.set_registered_model_tag(NAME, "seen", "the rival's"),
            lambda: tracker.tag_model("seen", "ours"),
        ),
        "model_version_tags": (
            lambda: rival.set_model_version_tag(NAME, "1", "seen", "the rival's"),
            lambda: tracker.tag_version(1, {"seen": "ours"}),
        ),
        "registered_model_aliases": (
            lambda: rival.set_registered_model_alias(NAME, CHAMPION, "1"),
            lambda: tracker.set_alias(CHAMPION, 1),
        ),
    }
    for table, (theirs, ours) in races.items():
        with outrun(table, theirs) as inserts:
            ours()
        assert inserts, table
    assert tracker.model_tags()["seen"] == tracker.version(1).tags["seen"] == "ours"
    assert tracker.version(1).aliases == (CHAMPION,)
    assert tracker.client.get_registered_model(NAME).description


@pytest.mark.fault(11)
def test_two_processes_that_find_no_store_make_one(tmp_path):
    code = f"from training.registry import Tracker; Tracker('sqlite:///{tmp_path}/mlruns/mlflow.db').experiment('toy')"
    command, root = [sys.executable, "-c", code], Path(__file__).parents[3]
    processes = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
