"""The experiment of a service: a sealed record in the store, which workers read like a pointer."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from online.experiment import RECORD, Experiment, arm_of
from online.recommendation_id import Arm
from recommender.errors import LostRaceError
from serving.versions.model_store import ModelStore
from serving.versions.pointers import Slot
from serving.versions.records import read_small, unseal, write_record
from serving.versions.served import Served
from serving.versions.slot import ModelSlot

_LOCK = "experiment.lock"
LOCK_SECONDS = 30.0
_POLL_SECONDS = 0.05


class Assignment(NamedTuple):
    """What answers a visitor's request: the version of the visitor's arm, and the other one."""

    name: str  # of the experiment
    arm: Arm
    served: Served
    rival: Served
    seed: int = 0  # of a woven list's coins

    @property
    def is_woven(self) -> bool:
        """Whether the rival's list is woven in."""
        return self.arm == Arm.INTERLEAVED


def read_experiment(store: Path) -> Experiment | None:
    """Return the experiment that was started last, ended or not; None without one or where the record is damaged."""
    return unseal(read_small(store / RECORD), Experiment)


def write_experiment(store: Path, experiment: Experiment) -> None:
    """Let all workers go by this experiment."""
    write_record(store / RECORD, experiment)


@contextmanager
def changing_experiment(store: Path) -> Iterator[None]:
    """Let no other process start or end an experiment meanwhile; wait for one that does.

    Raises LostRaceError after LOCK_SECONDS: the other process may be stopped.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    with (store / _LOCK).open("wb") as lock:
        while not _is_locked_by_us(lock):
            if time.monotonic() > deadline:
                raise LostRaceError(
                    f"Another command has been starting or ending an experiment in {store} for more than "
                    f"{LOCK_SECONDS:g} s. Try again when it has ended."
                )
            time.sleep(_POLL_SECONDS)
        yield


def _is_locked_by_us(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def obstacle(store: ModelStore, experiment: Experiment) -> str:
    """Return why a running experiment gives no lists just now; "" where it does, or has ended."""
    if not experiment.is_running:
        return ""
    expected_in: Mapping[Slot, str] = {"champion": experiment.champion, "challenger": experiment.challenger}
    for slot, expected in expected_in.items():
        if (served := store.served_key(slot)) != expected:
            return (
                f"it gives no lists: the service's {slot} is {served or 'none'} instead of {expected}; the alias "
                f"{slot} in the registry says which, and the service follows it within seconds"
            )
    return ""


class ExperimentSlot:
    """The experiment as one worker knows it. It gives lists only while both slots serve the very versions of it.

    So a promotion or a rollback ends it at once, before anybody has written that down.
    """

    def __init__(self, store: ModelStore, champion: ModelSlot, challenger: ModelSlot | None) -> None:
        self._store = store
        self._champion = champion
        self._challenger = challenger
        self.experiment: Experiment | None = None

    def refresh(self) -> None:
        """Read the record anew."""
        self.experiment = read_experiment(self._store.root)

    async def watch(self, pause: float) -> None:
        """Read the record every `pause` seconds, for ever."""
        while True:
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(pause)

    def assign(self, visitor: str) -> Assignment | None:
        """Return what answers a visitor; None where no experiment runs or the visitor takes no part."""
        experiment, champion = self.experiment, self._champion.served
        challenger = self._challenger.served if self._challenger else None
        if experiment is None or not experiment.is_running or champion is None or challenger is None:
            return None
        if (champion.key, challenger.key) != (experiment.champion, experiment.challenger):
            return None
        arm = arm_of(experiment, visitor)
        if arm == Arm.NONE:
            return None
        if arm == Arm.INTERLEAVED:
            return Assignment(experiment.name, arm, champion, challenger, secrets.randbits(32))
        pair = (challenger, champion) if arm == Arm.CHALLENGER else (champion, challenger)
        return Assignment(experiment.name, arm, *pair)
