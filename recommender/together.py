"""One list for two people, fair to the less happy one.

Each film is scored by w · e1 + (1 - w) · e2, where e1 and e2 are the stars that the two are expected to give. The mean
of the list's e1 grows with w and that of e2 falls, so the weight at which the less happy person expects most is found
by bisection: least misery of whole lists among Pareto-efficient ones (Xiao et al., Fairness-aware group recommendation
with Pareto-efficiency, RecSys 2017). The first weight that is tried is one half, the mean of both (Masthoff, Group
modeling, 2004), so the result is never less fair than the mean's list.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        """Return the mean of what each person expects of the list."""
        return [float(stars.mean()) for stars in self.expected] if self.expected.size else []


def for_two(model: Model, people: Sequence[Person], options: Wanted, aggregation: Aggregation) -> Together:
    """Return a list for two people. Raises UsageError where the model predicts no ratings for them."""
    first, second = (model.expected(person) for person in people)
    allowed = model.open_to(people, options)
    # Pages are pieces of one list, so all of them are weighed by the longest one.
    whole = options if options.offset is None else replace(options, offset=0, n=LONGEST)

    def weighted(weight: float, wanted: Wanted) -> Together:
        scores = np.float32(weight) * first + np.float32(1 - weight) * second
        ranked = model.rank(scores, allowed, wanted)
        return Together(ranked, np.stack([first[ranked.rows], second[ranked.rows]]))

    if aggregation == "mean":
        return weighted(EQUAL, options)
    latest = weighted(EQUAL, whole)
    if not latest.means:
        return latest
    low, high, weight = 0.0, 1.0, EQUAL
    fairest, least = EQUAL, min(latest.means)
    for _ in range(BISECTIONS):
        low, high = (weight, high) if latest.means[0] < latest.means[1] else (low, weight)
        weight = (low + high) / 2
        latest = weighted(weight, whole)
        if min(latest.means) > least:
            fairest, least = weight, min(latest.means)
    return weighted(fairest, options)
