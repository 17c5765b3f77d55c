"""The process that sums up events: the state of the experiment and drift, so that API workers need not."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client.core import Metric

from online.answered import ArmAnswers
from online.drift import LATEST, Drift, drift
from online.experiment import Experiment
from online.recommendation_id import Arm
from online.signing_keys import read_keys
from online.status import Status, status
from online.store import DIRECTORY, EventReader, events_file
from recommender.errors import MovierecError
from recommender.model import Model
from serving.lifecycle import Lifecycle
from serving.settings import Settings
from serving.signals import STOP_SIGNALS
from serving.versions.experiment import obstacle, read_experiment
from serving.versions.model_store import ModelStore
from serving.versions.observation import OBSERVATION, Observation, answers_of, read_observation
from serving.versions.records import write_record

PAUSE_SECONDS = 1.0
MOST_SECONDS = 60.0  # between two looks while nothing happens
_BUSY_SHARE = 0.005  # of one core, but for _LONGEST_PAUSE
_LONGEST_PAUSE = 300.0  # seconds between two looks, however long one takes
_NICENESS = 10  # answers go first
_BEAT_SECONDS = 1.0

log = structlog.get_logger(__name__)


def observe(
    settings: Settings, lifecycle: Lifecycle, beat: Callable[[], None], listeners: Sequence[socket.socket]
) -> None:
    """Look at the events until a signal ends the process; runs in a forked process."""
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.SIG_DFL)
    for listener in listeners:
        listener.close()  # the service's port must not outlive its workers
    os.nice(_NICENESS)
    threading.Thread(target=_beat, args=(beat,), daemon=True).start()  # one look may take long
    observer = Observer(ModelStore(settings.store_dir), lifecycle)
    while True:
        before = time.process_time()
        observer.look()
        pause = (time.process_time() - before) / _BUSY_SHARE
        time.sleep(min(max(PAUSE_SECONDS, pause), _LONGEST_PAUSE))


def _beat(beat: Callable[[], None]) -> None:
    while True:
        beat()
        time.sleep(_BEAT_SECONDS)


class Observer:
    """Writes what is known when events or the experiment have changed, and every MOST_SECONDS."""

    def __init__(self, store: ModelStore, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._seen: object = None
        self._fault = ""
        self._model: tuple[str, Model] | None = None  # the champion, by its directory in the store

    def look(self) -> None:
        """Write an observation if it is time; faults are logged, and the next look tries again."""
        try:
            reader = EventReader(events_file(self._store.root))
        except MovierecError:  # the writer has not made the file yet
            return
        try:
            experiment = read_experiment(self._store.root)
            seen = (reader.last_number(), experiment, self._store.served_key("champion"))
            last = read_observation(self._store.root)
            if last is None or seen != self._seen or time.time() >= last.taken_at + MOST_SECONDS:
                write_record(self._store.root / OBSERVATION, self._observe(reader, experiment, last))
                self._seen = seen
            self._fault = ""
        except (MovierecError, sqlite3.Error, OSError) as error:
            if str(error) != self._fault:  # once, until it works again
                log.warning("experiment_not_observed", error=str(error))
            self._fault = str(error)
        finally:
            reader.close()

    def _observe(self, reader: EventReader, experiment: Experiment | None, last: Observation | None) -> Observation:
        answers, earlier = self._answers(experiment, last)
        return Observation(
            taken_at=time.time(),
            experiment=self._status(experiment, answers),
            drift=self._drift(reader),
            answers=answers,
            service_started_at=self._lifecycle.started_at,
            earlier=earlier,
        )

    def _answers(
        self, experiment: Experiment | None, last: Observation | None
    ) -> tuple[dict[str, ArmAnswers], dict[str, ArmAnswers]]:
        """Return what was counted of each arm's answers, and what of them before this service was started."""
        if experiment is None:
            return {}, {}
        before = answers_of(last, experiment.name)
        if last is not None and before and last.service_started_at == self._lifecycle.started_at:
            before = last.earlier
        now = counted_answers(self._lifecycle.metrics.total(), experiment.name)
        return {arm: before.get(arm, ArmAnswers()).plus(now.get(arm, ArmAnswers())) for arm in before | now}, before

    def _status(self, experiment: Experiment | None, answers: dict[str, ArmAnswers]) -> Status | None:
        if experiment is None:
            return None
        now = status(self._store.root, experiment, time.time(), answers)
        return now.hindered(obstacle(self._store, experiment))

    def _drift(self, reader: EventReader) -> Drift | None:
        keys, model = read_keys(self._store.root / DIRECTORY), self._champion()
        if keys is None or model is None:
            return None
        latest = reader.events(after=reader.last_number() - LATEST)
        return drift((event for _, event in latest), keys.keys, model)

    def _champion(self) -> Model | None:
        """Return the served version, loaded once."""
        entry = self._store.current("champion")
        if entry is None:
            return None
        if self._model is None or self._model[0] != entry.key:
            self._model = entry.key, Model.load(entry.bundle, verify=False)
        return self._model[1]


def counted_answers(metrics: Iterable[Metric], name: str) -> dict[str, ArmAnswers]:
    """Return the counts of an experiment's answers by arm, from the metrics of all workers."""
    arms: dict[str, ArmAnswers] = {}
    for sample in (sample for metric in metrics for sample in metric.samples):
        experiment_name, _, arm = sample.labels.get("arm", "").partition("/")
        if experiment_name != name or arm not in Arm.__members__:
            continue
        if sample.name == "movierec_arm_answers_total":
            is_error = sample.labels["status"].startswith("5")
            counted = ArmAnswers(answers=sample.value, errors=sample.value * is_error)
        elif sample.name == "movierec_arm_answer_seconds_bucket" and sample.labels["le"] != "+Inf":
            counted = ArmAnswers(by_seconds={float(sample.labels["le"]): sample.value})
        else:
            continue
        arms[arm] = arms.get(arm, ArmAnswers()).plus(counted)
    return arms
