"""What a service knows of its experiment and of drift: `experiment_state.json` in the store, kept by the observer."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from online.answered import ArmAnswers
from online.drift import Drift
from online.status import Status
from serving.versions.records import read_small, unseal

OBSERVATION = "experiment_state.json"


class Observation(BaseModel):
    """The experiment that was started last, and drift, at one time."""

    taken_at: float  # seconds since 1970
    experiment: Status | None
    drift: Drift | None
    answers: dict[str, ArmAnswers]  # of the experiment, by arm
    service_started_at: float
    earlier: dict[str, ArmAnswers]  # of them, those that the service had counted before it was started again


def read_observation(store: Path) -> Observation | None:
    """Return what the observer wrote last; None where it never did, or the file is damaged."""
    return unseal(read_small(store / OBSERVATION), Observation)


def answers_of(observation: Observation | None, name: str) -> dict[str, ArmAnswers]:
    """Return what was counted of an experiment's answers; nothing of another one's."""
    experiment = observation.experiment if observation else None
    return observation.answers if observation and experiment and experiment.settings.name == name else {}
