"""The observer's record: what was counted of an experiment's answers outlives the service that counted it."""

from __future__ import annotations

import time
from pathlib import Path

from online.experiment import Experiment
from online.signing_keys import keep_keys
from online.store import DIRECTORY, EventWriter, events_file
from serving.api.metrics import AnswerCounts
from serving.lifecycle import Lifecycle
from serving.process.observer import Observer
from serving.versions.experiment import write_experiment
from serving.versions.model_store import ModelStore
from serving.versions.observation import answers_of, read_observation


def start(store: ModelStore, name: str) -> None:
    begun = time.time() - 60
    experiment = Experiment(name=name, champion="1-a", challenger="2-b", started_at=begun, planned_visitors=100)
    write_experiment(store.root, experiment)


def service(store: ModelStore, name: str, started_at: float, failures: int) -> Lifecycle:
    """Return a service that has counted ten answers of the challenger, some of them failures."""
    lifecycle, counts = Lifecycle(started_at=started_at), AnswerCounts("movierec_arm_answer", "arm")
    for number in range(10):
        counts.of(f"{name}/CHALLENGER", 500 if number < failures else 200).count(0.002)
    lifecycle.metrics.publish(0, counts.collect())
    return lifecycle


def test_counts_of_answers_outlive_the_service_but_not_the_experiment(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    store.claim()
    EventWriter(events_file(store.root)).close()
    keep_keys(store.root / DIRECTORY, time.time())
    start(store, "first")
    for started_at, failures in ((1.0, 1), (2.0, 3)):
        for _ in range(2):  # an observer that is started again within one life of the service counts nothing twice
            Observer(store, service(store, "first", started_at, failures)).look()
    answers = answers_of(read_observation(store.root), "first")["CHALLENGER"]
    assert (answers.answers, answers.errors, answers.by_seconds[0.0025]) == (20, 4, 20)
    start(store, "second")
    Observer(store, service(store, "second", 2.0, 0)).look()
    assert answers_of(read_observation(store.root), "second")["CHALLENGER"].answers == 10
    assert answers_of(read_observation(store.root), "first") == {}
