"""Where an experiment meets the registry: which versions it is about, for `movierec experiment` and `promote`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from movierec.cli.common.output import warn
from online.experiment import Experiment
from online.status import Status, status
from recommender.errors import LostRaceError, MissingInputError, UsageError
from serving.versions.entry import VersionMeta, directory_name
from serving.versions.experiment import changing_experiment, obstacle, read_experiment, write_experiment
from serving.versions.model_store import ModelStore
from serving.versions.observation import answers_of, read_observation

if TYPE_CHECKING:
    from training.registry import Tracker, Version


def store_directory() -> Path:
    """Return the directory of the service's store, by the service's own setting."""
    from serving.settings import Settings

    return Settings().store_dir


def key_of(version: Version) -> str:
    """Return the directory of a registered version in a service's store."""
    number = str(version.number)
    return directory_name(VersionMeta(name="", version=number, run_id=version.run_id or None, algorithm=""))


def require_experiment(store: Path) -> Experiment:
    """Return the experiment of a store, ended or not. Raises MissingInputError where there is none."""
    experiment = read_experiment(store)
    if experiment is None:
        raise MissingInputError(f"No experiment in {store}. Start one: movierec experiment start --challenger N.")
    return experiment


def current_status(store: Path) -> Status:
    """Return the state of a store's experiment."""
    experiment = require_experiment(store)
    now = status(store, experiment, time.time(), answers_of(read_observation(store), experiment.name))
    return now.hindered(obstacle(ModelStore(store), experiment))


def evidence(store: Path, tracker: Tracker, number: int) -> Status | None:
    """Return the state of the experiment between the champion and a version; None where there is none."""
    from training.registry import CHAMPION

    experiment, champion = read_experiment(store), tracker.aliased(CHAMPION)
    if experiment is None or champion is None:
        return None
    if (experiment.champion, experiment.challenger) != (key_of(champion), key_of(tracker.version(number))):
        return None
    return current_status(store)


def end_experiment(store: Path, because: str) -> Experiment:
    """End the running experiment of a store, and return it. Raises UsageError where it has ended."""
    with changing_experiment(store):
        experiment = require_experiment(store)
        if not experiment.is_running:
            raise UsageError(f"Experiment {experiment.name} has ended: {experiment.ended_because}.")
        return _end(store, experiment, because)


def end_with_change(store: Path, before: Version | None, because: str) -> None:
    """End the running experiment of a store if it is about the version that was champion before.

    The champion has changed already, so an experiment that another command holds on to is only warned of.
    """
    if before is None or read_experiment(store) is None:
        return
    try:
        with changing_experiment(store):
            experiment = require_experiment(store)
            if experiment.is_running and experiment.champion == key_of(before):
                _end(store, experiment, because)
    except LostRaceError as error:
        warn(
            f"The champion has changed, but its experiment could not be ended: {error} Then: movierec experiment stop."
        )


def _end(store: Path, experiment: Experiment, because: str) -> Experiment:
    ended = experiment.model_copy(update={"ended_at": time.time(), "ended_because": because})
    write_experiment(store, ended)
    return ended
