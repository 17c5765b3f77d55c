"""Team-draft interleaving: two versions' lists woven into one, and what clicks in it say of the two.

Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008. Each list has its own
coins, so that a list is a fair draw whoever sees it, and a person's later lists count as well as the first.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import betaln, xlogy

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


def win_evidence(wins: npt.ArrayLike, losses: npt.ArrayLike, chance: float = 0.5) -> npt.NDArray[np.float64]:
    """Return how many times likelier the counts are under any chance of winning, all alike, than under `chance`.

    `wins`: lists in which more clicks went to the challenger's items; `losses`: to the champion's; ties do not count.
    If `chance` is true it ever reaches 1 / error with a chance of at most `error` (Ville's inequality), the prior being
    uniform: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970.
    """
    won, lost = np.asarray(wins, np.float64), np.asarray(losses, np.float64)
    evidence: npt.NDArray[np.float64] = np.exp(
        betaln(1.0 + won, 1.0 + lost) - xlogy(won, chance) - xlogy(lost, 1.0 - chance)
    )
    return evidence


def win_bounds(wins: int, losses: int, error: float) -> tuple[float, float]:
    """Return bounds for the chance that the challenger wins a list that is no tie; they hold at all times together."""
    if wins + losses == 0:
        return 0.0, 1.0
    share = wins / (wins + losses)

    def surplus(chance: float) -> float:
        log_evidence = betaln(1.0 + wins, 1.0 + losses) - xlogy(wins, chance) - xlogy(losses, 1.0 - chance)
        return float(log_evidence + np.log(error))

    lower = brentq(surplus, 1e-12, share) if wins and surplus(1e-12) > 0 else 0.0
    upper = brentq(surplus, share, 1 - 1e-12) if losses and surplus(1 - 1e-12) > 0 else 1.0
    return float(lower), float(upper)
