"""From events to the counts of an experiment: what each visitor did with the lists of its arm.

A list belongs to an experiment by its signed id, which holds its arm; what people did with it names that id. A visitor
counts once, by the mean over the lists of the first `window_days`; lists that were never reported as shown count not.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from online.answered import Served
from online.decision import Counts, Pair
from online.estimators.interleaving import teams
from online.estimators.mean_difference import ArmSums
from online.events import Event, Kind
from online.experiment import Experiment, arm_of
from online.exploration import SHARES, explored_places
from online.recommendation_id import Arm, Recommendation, read_id

Floats = npt.NDArray[np.float64]
ARMS = (Arm.CHAMPION, Arm.CHALLENGER)


@dataclass
class ShownList:
    """One list of an experiment, and what its visitor did with it."""

    visitor: str
    time: float  # when it was made
    arm: int
    seed: int
    items: dict[int, str] = field(default_factory=dict)  # by position from 1, as far as they were reported as shown
    successes: set[str] = field(default_factory=set)  # items that were clicked, watched or liked, as the metric says
    dislikes: set[str] = field(default_factory=set)  # items that were dismissed or rated under a like
    length: int = 0  # that was asked for
    explored: int = 0  # chance of each place to get an item drawn by the seed, in ten-thousandths

    def chosen_items(self) -> list[str]:
        """Return the items that a version chose, without those at places that were left to chance."""
        if not self.explored:
            return list(self.items.values())
        by_chance = explored_places(random.Random(self.seed), self.length, self.explored / SHARES)
        return [item for position, item in self.items.items() if position - 1 not in by_chance]


class Visitor(NamedTuple):
    """A visitor: the arm, when the window began and ends, and the means over its lists."""

    arm: int
    first: float
    done: float
    success: float
    dislike: float


def collect(events: Iterable[Event], experiment: Experiment, keys: Mapping[int, bytes]) -> list[ShownList]:
    """Return the lists that were shown in an experiment, in the order in which they were made."""
    lists: dict[str, ShownList] = {}
    recommendations: dict[str, Recommendation | None] = {}
    arms: dict[str, Arm] = {}
    for event in events:
        if not (event.recommendation and event.visitor):
            continue
        if event.recommendation not in recommendations:
            recommendations[event.recommendation] = read_id(event.recommendation, keys)
        recommendation = recommendations[event.recommendation]
        if recommendation is None or not _is_of(experiment, recommendation):
            continue
        if arms.setdefault(event.visitor, arm_of(experiment, event.visitor)) != recommendation.arm:
            continue  # an id that another visitor was given
        _, _, _, n, made_at, seed, arm, _, explored = recommendation
        new = ShownList(event.visitor, made_at, arm, seed, length=n, explored=explored)
        shown = lists.setdefault(event.recommendation, new)
        if shown.visitor != event.visitor:
            continue
        if event.kind == Kind.SHOWN:
            places = zip(range(event.position, recommendation.n + 1), event.items, strict=False)
            shown.items |= dict(places)
        else:
            _note(shown, event, experiment)
    return sorted((shown for shown in lists.values() if shown.items), key=lambda shown: shown.time)


def _is_of(experiment: Experiment, recommendation: Recommendation) -> bool:
    """Return whether a list was made while the experiment ran; ids hold whole seconds."""
    is_after = recommendation.time >= math.floor(experiment.started_at)
    return is_after and (experiment.ended_at is None or recommendation.time <= experiment.ended_at)


def _note(shown: ShownList, event: Event, experiment: Experiment) -> None:
    is_liked, is_disliked = False, event.kind == Kind.DISMISSED
    if event.kind == Kind.RATED and event.rating is not None and experiment.like is not None:
        is_liked, is_disliked = event.rating >= experiment.like, event.rating < experiment.like
    successful = {"click_rate": event.kind == Kind.CLICKED, "watch_rate": event.kind == Kind.WATCHED}
    if successful.get(experiment.metric, is_liked):
        shown.successes.update(event.items)
    if is_disliked:
        shown.dislikes.update(event.items)


def count(lists: Sequence[ShownList], experiment: Experiment, served: Mapping[Arm, Served], times: Floats) -> Counts:
    """Return the counts of an experiment in mode `ab` at each of `times` (looks,), in seconds since 1970, ascending.

    `served`: what the service has counted so far, which stands at every look.
    """
    visitors = _visitors(lists, experiment.window_seconds)
    sides = [[visitor for visitor in visitors if visitor.arm == arm] for arm in ARMS]
    answers = np.array([served.get(arm, Served()) for arm in ARMS], dtype=np.float64)

    def counted(column: int) -> Pair:
        return Pair(*(np.full(len(times), value) for value in answers[:, column]))

    return Counts(
        experiment.share,
        Pair(*(_until(np.array([visitor.first for visitor in side]), times) for side in sides)),
        _arm_sums(sides, 0, times),
        _arm_sums(sides, 1, times),
        counted(0),
        counted(1),
        counted(2),
        _items(lists, times),
    )


def balances(lists: Iterable[ShownList], *, of_dislikes: bool = False) -> npt.NDArray[np.int64]:
    """Return who won each woven list: 1 for the challenger, -1 for the champion, 0 for neither.

    The winner's items were clicked more often (watched, liked: as the metric says), or disliked more often.
    """
    outcomes = []
    for shown in lists:
        liked = shown.dislikes if of_dislikes else shown.successes
        balance = 0
        if liked:
            for item, is_challengers in _teams(shown):
                balance += (1 if is_challengers else -1) * (item in liked)
        outcomes.append(np.sign(balance))
    return np.array(outcomes, dtype=np.int64)


def _visitors(lists: Sequence[ShownList], window: float) -> list[Visitor]:
    """Return the visitors in the order in which they came, with the means over the lists of their window."""
    firsts: dict[str, ShownList] = {}
    outcomes: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for shown in lists:
        first = firsts.setdefault(shown.visitor, shown)
        if shown.time <= first.time + window:
            outcomes[shown.visitor].append((bool(shown.successes), bool(shown.dislikes)))
    return [
        Visitor(shown.arm, shown.time, shown.time + window, *np.mean(outcomes[visitor], axis=0))
        for visitor, shown in firsts.items()
    ]


def _arm_sums(sides: Sequence[Sequence[Visitor]], column: int, times: Floats) -> tuple[ArmSums, ArmSums]:
    """Return the sums of visitors' values of both arms, of those whose window is over at each time."""
    sums = []
    for side in sides:
        done = np.array([visitor.done for visitor in side])  # ascending, as the visitors came
        values = np.array([(visitor.success, visitor.dislike)[column] for visitor in side], dtype=np.float64)
        number = _until(done, times).astype(np.int64)
        totals = (np.concatenate([[0.0], np.cumsum(powers)])[number] for powers in (values, values**2))
        sums.append(ArmSums(number.astype(np.float64), *totals))
    return sums[0], sums[1]


def woven_items(lists: Iterable[ShownList]) -> tuple[int, int]:
    """Return how many different items the champion and the challenger put into the woven lists."""
    sides: tuple[set[str], set[str]] = (set(), set())
    for shown in lists:
        for item, is_challengers in _teams(shown):
            sides[is_challengers].add(item)
    return len(sides[0]), len(sides[1])


def _teams(shown: ShownList) -> Iterator[tuple[str, bool]]:
    """Yield the items of a woven list, and whether the challenger put each one in."""
    of_challenger = teams(max(shown.items, default=0), shown.seed)
    return ((item, of_challenger[position - 1]) for position, item in shown.items.items())


def _items(lists: Sequence[ShownList], times: Floats) -> Pair:
    """Return how many different items were shown at each time, in as many lists of each arm, the first ones.

    Items by chance would make every arm's lists seem wide.
    """
    sides = [[shown for shown in lists if shown.arm == arm] for arm in ARMS]
    shorter = np.minimum(*(_until(np.array([shown.time for shown in side]), times) for side in sides))
    counts = []
    for side in sides:
        firsts: dict[str, int] = {}
        for number, shown in enumerate(side):
            for item in shown.chosen_items():
                firsts.setdefault(item, number)
        counts.append(np.searchsorted(np.array(list(firsts.values())), shorter).astype(np.float64))
    return Pair(*counts)


def _until(moments: Floats, times: Floats) -> Floats:
    """Return how many of the ascending `moments` are over at each time."""
    return np.searchsorted(moments, times, side="right").astype(np.float64)
