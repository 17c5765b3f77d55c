"""One list for two people, fair to the less happy one.

Each film is scored by w · e1 + (1 - w) · e2, where e1 and e2 are the stars that the two are expected to give. The mean
of a list's e1 grows with w and that of e2 falls, so the weight at which the less happy person expects most is found by
bisection: least misery of whole lists among Pareto-efficient ones (Xiao et al., Fairness-aware group recommendation
with Pareto-efficiency, RecSys 2017). It starts from one half, the mean of both (Masthoff, Group modeling, 2004), and
takes only weights that are as fair as it in the first film, in the first two, and so on. So one weight serves every
length, pages are pieces of one list, and the less happy person never expects less of a list than of the mean's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recommender.model import Model, Person, Ranked, Wanted
from recommender.wanted import LONGEST

Aggregation = Literal["least_misery", "mean"]
BISECTIONS = 10
EQUAL = 0.5  # weight of the mean


@dataclass(frozen=True)
class Together:
    """A list for two people, and the stars that each expects of its films (2, k); empty where nothing is left."""

    ranked: Ranked
    expected: NDArray[np.float32]

    @property
    def means(self) -> list[float]:
        """Return the mean predicted rating of the list for each person."""
        return [float(stars.mean(dtype=np.float64)) for stars in self.expected] if self.expected.size else []

    @property
    def least(self) -> NDArray[np.float64]:
        """Return the least mean prediction of any person over the first film, the first two, ...: (k,)."""
        sums = np.cumsum(self.expected, axis=1, dtype=np.float64)
        return np.asarray(sums.min(axis=0) / np.arange(1, sums.shape[1] + 1))


def for_two(model: Model, people: Sequence[Person], options: Wanted, aggregation: Aggregation) -> Together:
    """Return a list for two people. Raises UsageError where the model predicts no ratings for them."""
    first, second = (model.expected(person) for person in people)
    allowed = model.open_to(people, options)
    unpaged = replace(options, n=LONGEST, offset=None)

    def weighted(weight: float, options: Wanted = unpaged) -> Together:
        scores = np.float32(weight) * first + np.float32(1 - weight) * second
        ranked = model.rank(scores, allowed, options)
        return Together(ranked, np.stack([first[ranked.rows], second[ranked.rows]]))

    return weighted(EQUAL if aggregation == "mean" else _fairest(weighted), options)


def _fairest(weighted: Callable[[float], Together]) -> float:
    """Return the first person's weight for the fairest list of those that are throughout as fair as the mean's."""
    mean = weighted(EQUAL)
    if not mean.means:
        return EQUAL
    favours_first = mean.means[0] < mean.means[1]
    near, far = EQUAL, float(favours_first)
    fairest, best = EQUAL, mean.least.sum()
    for _ in range(BISECTIONS):
        weight = (near + far) / 2
        together = weighted(weight)
        is_as_long = len(together.ranked.rows) == len(mean.ranked.rows)  # limits may leave more or fewer films
        is_as_fair = is_as_long and bool(np.all(together.least >= mean.least))
        if is_as_fair and together.least.sum() > best:
            fairest, best = weight, together.least.sum()
        if is_as_fair and (together.means[0] < together.means[1]) == favours_first:
            near = weight
        else:
            far = weight
    return fairest
