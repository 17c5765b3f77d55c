"""Verdicts of the promotion gate on a better, an equal and a worse challenger, trained on a synthetic twin.

The challengers differ by their number of factors: on these ratings 4 are worse than 16, 32 are better, and another
seed is equal. Each figure is the share of runs in which the commands did what they must.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tools.commands import start, succeed
from benchmarks.tools.figures import Figure
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.world import load_synthetic_config
from training.promotion.promote import LOCK_SECONDS, history, lock
from training.registry import CHAMPION, Tracker

DATASET = "twin"
USERS, MOVIES, RATINGS = 2000, 1500, 200_000
# In the order of training: the first is version 1.
TRAININGS = {
    "popularity": ("popularity",),
    "champion": ("als", "--set", "factors=16"),
    "worse": ("als", "--set", "factors=4"),
    "better": ("als", "--set", "factors=32"),
    "equal": ("als", "--set", "factors=32", "--seed", "10"),
}
VERSIONS = {name: number for number, name in enumerate(TRAININGS, start=1)}
PROMOTED, REFUSED = 0, 3
JUDGING_SECONDS = LOCK_SECONDS - 5  # a promotion must still be waiting for the lock

HistoryEvent = tuple[str, int | None, int | None]  # an event of the history: kind, version, the champion before it


def run(*, size: float, rounds: int) -> list[Figure]:
    """Check verdicts, `rounds` races of two promotions with a rollback after each, and the history.

    `size` scales the twin's users and ratings; with fewer, more comparisons stay undecided.
    """
    with tempfile.TemporaryDirectory() as directory:
        registry = Registry(Path(directory).resolve())
        registry.train(size)
        figures = [
            registry.judged("champion", "the first champion is promoted over popularity", (PROMOTED, "promote")),
            registry.judged("worse", "a worse challenger is refused", (REFUSED, "refuse")),
        ]
        one_won, restored = zip(*(registry.race("better", "equal") for _ in range(rounds)), strict=True)
        equal = (PROMOTED, "promote"), (REFUSED, "undecided")
        return [
            *figures,
            _share("of two promotions at once one wins, the other exits 3 and history names both", one_won),
            _share("rollback restores the champion", restored),
            registry.judged("better", "a better challenger is promoted", (PROMOTED, "promote")),
            registry.judged("equal", "an equal challenger is promoted or left undecided", *equal),
            _share("history reads back from the registry alone", [registry.read_back() == registry.events]),
        ]


class Registry:
    """A data set and a registry below `root`, changed by `movierec` commands alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = root / "mlruns" / "mlflow.db"
        self.events: list[HistoryEvent] = []  # the history to expect

    def train(self, size: float) -> None:
        """Make the twin and train every version. Raises MovierecError if a training fails."""
        shape = load_synthetic_config(users=round(USERS * size), movies=MOVIES, ratings=round(RATINGS * size))
        write_twin(shape, self.root / "raw", genome=False)
        prepare(DATASET, raw=self.root / "raw", processed_root=self.root / "data" / "processed")
        for words in TRAININGS.values():
            succeed(self.root, "train", *words, "--dataset", DATASET)

    def judged(self, name: str, what: str, *expected: tuple[int, str]) -> Figure:
        """Promote a version, and return a figure that is 1 if exit code and verdict are as expected."""
        before, number = self.champion(), VERSIONS[name]
        code = start(self.root, "promote", "--version", str(number)).wait()
        if code == PROMOTED:
            self.events.append(("promote", number, before))
        tags = self._tracker().version(number).tags
        return _share(what, [(code, tags.get("verdict")) in expected], tags.get("verdict_summary", "no verdict"))

    def race(self, *names: str) -> tuple[bool, bool]:
        """Promote two versions at once, then roll back; return whether one won, and whether rollback restored."""
        before, codes = self.champion(), self._promote_at_once([VERSIONS[name] for name in names])
        winner = self.champion()
        loser = next(VERSIONS[name] for name in names if VERSIONS[name] != winner)
        one_won = sorted(codes) == [PROMOTED, REFUSED] and winner != before
        self.events += [("promote", winner, before), ("lost", loser, winner)]
        one_won &= self.read_back() == self.events
        restored = start(self.root, "rollback").wait() == 0 and self.champion() == before
        self.events.append(("rollback", before, winner))
        return one_won, restored

    def champion(self) -> int | None:
        """Return the number of the champion, or None."""
        version = self._tracker().aliased(CHAMPION)
        return version.number if version else None

    def read_back(self) -> list[HistoryEvent]:
        """Return the history read from a copy of the registry's database alone."""
        with tempfile.TemporaryDirectory() as elsewhere:
            copy = shutil.copy(self.store, elsewhere)
            return [(event.kind, event.version, event.before) for event in history(Tracker(f"sqlite:///{copy}"))]

    def _promote_at_once(self, numbers: Sequence[int]) -> list[int]:
        """Return the exit codes of two promotions that both compared themselves with the same champion."""
        tracker = self._tracker()

        def verdicts() -> list[str | None]:
            return [tracker.version(number).tags.get("verdict_at") for number in numbers]

        earlier = verdicts()
        with lock(tracker):
            processes = [start(self.root, "promote", "--version", str(number)) for number in numbers]
            deadline = time.monotonic() + JUDGING_SECONDS
            while any(old == new for old, new in zip(earlier, verdicts(), strict=True)):
                if time.monotonic() > deadline:
                    break  # the promotions give up waiting, and the figure shows it
                time.sleep(0.05)
        return [process.wait() for process in processes]

    def _tracker(self) -> Tracker:
        return Tracker.existing(f"sqlite:///{self.store}")


def _share(what: str, passed: Sequence[bool], note: str = "") -> Figure:
    return Figure(f"gate/{what}", sum(passed) / len(passed), 1, "higher", rounds=len(passed), note=note)
