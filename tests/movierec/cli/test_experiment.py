"""`movierec experiment` from a registry and a service's store; what its end is, and what a wrong start is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from movierec.cli import main
from online.signing_keys import keep_keys
from online.store import DIRECTORY, EventWriter, events_file
from recommender.errors import UsageError
from serving.process.python import module_command
from serving.versions.entry import VersionMeta
from serving.versions.experiment import changing_experiment, read_experiment, write_experiment
from serving.versions.model_store import ModelStore
from tests.toy import save_toy
from training.registry import CHALLENGER, CHAMPION, Tracker, register_bundle


def copy(bundle: Path, target: Path) -> None:
    shutil.copytree(bundle, target)


@pytest.fixture
def tracker(mlflow_store, tmp_path):
    """Two versions of the toy model, the first of which is champion."""
    tracker = Tracker(mlflow_store)
    save_toy(tmp_path / "bundle")
    for _ in range(2):
        register_bundle(tmp_path / "bundle", tracker=tracker)
    tracker.set_alias(CHAMPION, 1)
    return tracker


@pytest.fixture
def store(tracker, tmp_path, monkeypatch):
    """The store of a service that serves the champion and takes events."""
    made = ModelStore(tmp_path / "models")
    monkeypatch.setenv("MOVIEREC_STORE_DIR", str(made.root))
    meta = VersionMeta(name="toy", version="1", run_id=tracker.version(1).run_id, algorithm="toy")
    made.point("champion", made.install(meta, lambda target: copy(tmp_path / "bundle", target)))
    return made


@pytest.fixture
def with_events(store):
    EventWriter(events_file(store.root)).close()
    keep_keys(store.root / DIRECTORY, time.time())
    return store


def movierec(*words):
    return CliRunner().invoke(main.app, list(words))


def test_start_status_and_stop(with_events, tracker, tmp_path):
    started = movierec("experiment", "start", "--challenger", "2", "--mode", "interleave", "--json")
    assert started.exit_code == 0, started.exception
    assert json.loads(started.stdout)["mode"] == "interleave"
    assert tracker.aliased(CHALLENGER).number == 2
    assert "is running" in str(movierec("experiment", "start", "--challenger", "2").exception)
    told = json.loads(movierec("experiment", "status", "--json", "--picture", str(tmp_path / "bounds.png")).stdout)
    assert (told["state"], told["lists"]) == ("running", 0)
    assert (tmp_path / "bounds.png").stat().st_size > 0
    assert "too few lists" in movierec("experiment", "status").stdout
    assert "enough of it" in movierec("experiment", "stop", "--reason", "enough of it").stdout
    assert "has ended: enough of it" in str(movierec("experiment", "stop").exception)


def test_of_two_starts_at_once_one_is_refused(with_events):
    assert movierec("experiment", "start", "--challenger", "2").exit_code == 0
    first = read_experiment(with_events.root)
    assert first is not None
    movierec("experiment", "stop")
    with changing_experiment(with_events.root):
        command = module_command("movierec.cli.main", "experiment", "start", "--challenger", "2")
        other = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 300
        while not is_waiting(other):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        write_experiment(with_events.root, first)  # as a start does that came first
    assert "is running" in other.communicate(timeout=300)[1]
    assert other.returncode == UsageError.exit_code
    assert read_experiment(with_events.root) == first


def is_waiting(process):
    """Return whether a process has the lock's file open, which is locked here."""
    assert process.poll() is None, process.stderr.read()
    with suppress(OSError):  # while it becomes another program nobody may look
        return any(
            os.path.realpath(file).endswith("experiment.lock") for file in Path(f"/proc/{process.pid}/fd").iterdir()
        )
    return False


def test_a_start_beside_a_command_that_hangs_is_told_so(with_events, monkeypatch):
    monkeypatch.setattr("serving.versions.experiment.LOCK_SECONDS", 0.2)
    with changing_experiment(with_events.root):
        refused = movierec("experiment", "start", "--challenger", "2")
    assert "Another command has been starting or ending an experiment" in str(refused.exception)
    assert refused.exception.exit_code == 3
    assert read_experiment(with_events.root) is None


def test_a_promotion_beside_a_command_that_hangs_is_told_with_a_warning(with_events, tracker, monkeypatch):
    assert movierec("experiment", "start", "--challenger", "2").exit_code == 0
    monkeypatch.setattr("serving.versions.experiment.LOCK_SECONDS", 0.2)
    with changing_experiment(with_events.root):
        promoted = movierec("promote", "--version", "2", "--force", "--reason", "trial", "--json")
    assert promoted.exit_code == 0, promoted.exception
    assert json.loads(promoted.stdout)["promoted"] is True
    assert "its experiment could not be ended" in promoted.stderr
    assert tracker.aliased(CHAMPION).number == 2


def test_an_experiment_whose_challenger_is_not_served_says_so(with_events, tracker, tmp_path):
    assert movierec("experiment", "start", "--challenger", "2").exit_code == 0
    assert "it gives no lists: the service's challenger is none" in movierec("experiment", "status").stdout
    meta = VersionMeta(name="toy", version="2", run_id=tracker.version(2).run_id, algorithm="toy")
    with_events.point("challenger", with_events.install(meta, lambda target: copy(tmp_path / "bundle", target)))
    assert "it gives no lists" not in movierec("experiment", "status").stdout
    with_events.point("champion", with_events.find(with_events.served_key("challenger")))
    assert "it gives no lists: the service's champion is 2" in movierec("experiment", "status").stdout
    movierec("experiment", "stop")
    assert "it gives no lists" not in movierec("experiment", "status").stdout


def test_a_promotion_reads_the_experiment_and_ends_it(with_events):
    assert movierec("experiment", "start", "--challenger", "2").exit_code == 0
    promoted = movierec("promote", "--version", "2", "--force", "--reason", "trial")
    assert promoted.exit_code == 0, promoted.exception
    ended = read_experiment(with_events.root)
    assert ended is not None
    assert not ended.is_running
    assert ended.ended_because == "version 2 was promoted"


def test_an_experiment_needs_events_the_served_champion_and_another_version(store, tracker):
    assert "MOVIEREC_EVENTS=true" in str(movierec("experiment", "start", "--challenger", "2").exception)
    assert "another version" in str(movierec("experiment", "start", "--challenger", "1").exception)
    tracker.set_alias(CHAMPION, 2)
    assert "found version 1 there and champion 2" in str(movierec("experiment", "start", "--challenger", "1").exception)
    assert "experiment start" in str(movierec("experiment", "status").exception)


def test_a_plan_waits_for_the_smaller_arm_and_says_how_to_start():
    words = ("experiment", "plan", "--visitors-per-day", "500")
    assert "below 1 together" in str(movierec(*words, "--rate", "0.2", "--effect", "0.9").exception)
    rare = movierec(*words, "--rate", "0.01", "--effect", "0.9", "--share", "0.1", "--window-days", "2").stdout
    assert "--planned-visitors 10000 --share 0.1 --window-days 2" in rare


def test_smaller_effects_take_longer():
    days = [
        json.loads(
            movierec(
                "experiment", "plan", "--rate", "0.2", "--effect", effect, "--visitors-per-day", "500", "--json"
            ).stdout
        )["days"]
        for effect in ("0.01", "0.04")
    ]
    assert days[0] > 10 * days[1]
