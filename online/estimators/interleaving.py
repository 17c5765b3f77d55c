"""Team-draft interleaving: two versions' lists woven into one, and what clicks in it say of the two.

Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008. Each list has its own
coins, so that a list is a fair draw whoever sees it, and a person's later lists count as well as the first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

from scipy.optimize import brentq

from online.estimators.mean_difference import mixture_scale
from online.estimators.sample_ratio import log_evidence

_LEAST = 1e-9  # chance
Item = TypeVar("Item", bound=Hashable)


class Woven(NamedTuple):
    """A list of both versions: positions in the given lists, and whether the challenger put each one in."""

    items: list[int]  # into the champion's list followed by the challenger's
    from_challenger: list[bool]


def team_draft(champion: Sequence[Item], challenger: Sequence[Item], n: int, seed: int) -> Woven:
    """Weave two ranked lists into one of `n` items: in each round a coin says who picks its best unused item first."""
    coins = random.Random(seed)
    lists = (champion, challenger)
    nexts, used = [0, 0], set[Item]()
    woven = Woven([], [])
    while len(woven.items) < n and any(nexts[team] < len(lists[team]) for team in (0, 1)):
        first = coins.getrandbits(1)
        for team in (first, 1 - first):
            ranked = lists[team]
            while nexts[team] < len(ranked) and ranked[nexts[team]] in used:
                nexts[team] += 1
            if nexts[team] < len(ranked) and len(woven.items) < n:
                used.add(ranked[nexts[team]])
                woven.items.append(nexts[team] + team * len(champion))
                woven.from_challenger.append(bool(team))
    return woven


def teams(n: int, seed: int) -> list[bool]:
    """Return whether the challenger put each of `n` items into a list of `team_draft`, by its seed alone.

    It holds where both lists had at least `n` items: no team then runs out of them.
    """
    coins = random.Random(seed)
    firsts = [bool(coins.getrandbits(1)) for _ in range(-(-n // 2))]
    return [first if is_first else not first for first in firsts for is_first in (True, False)][:n]


def win_concentration(planned: float, error: float) -> float:
    """Return how closely the alternatives to an even share lie around it, for the most power at `planned` lists."""
    return 1.0 / mixture_scale(planned, error) ** 2


def win_bounds(wins: int, losses: int, error: float, planned: float) -> tuple[float, float]:
    """Return bounds for the chance that the challenger wins a list that is no tie; they hold at all times together.

    They are the chances against which `log_evidence` is weak: Robbins, "Statistical methods related to the law of the
    iterated logarithm", 1970. `wins`: lists in which more clicks went to the challenger's items; `losses`: to the
    champion's; `planned`: lists with a winner for which the bounds are narrowest.
    """
    if wins + losses == 0:
        return 0.0, 1.0
    share = min(max(wins / (wins + losses), _LEAST), 1.0 - _LEAST)
    concentration = win_concentration(planned, error)

    def surplus(chance: float) -> float:
        return float(log_evidence(wins, losses, chance, concentration) + math.log(error))

    lower = brentq(surplus, _LEAST, share) if wins and surplus(_LEAST) > 0 else 0.0
    upper = brentq(surplus, share, 1 - _LEAST) if losses and surplus(1 - _LEAST) > 0 else 1.0
    return float(lower), float(upper)
