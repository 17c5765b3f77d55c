"""What a service counts of the answers that each arm of an experiment got: failures, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel

from online.recommendation_id import Arm

_MOST_SHARE = 0.95  # of the champion's answers: slow is what takes twice as long as all of these
_TIMES, _NEVER_SLOW = 2.0, 0.02  # seconds, as what nobody notices


class ArmAnswers(BaseModel):
    """Counts of one arm's answers."""

    answers: float = 0.0
    errors: float = 0.0
    by_seconds: dict[float, float] = {}  # answers within so many seconds, which ascend

    def plus(self, other: ArmAnswers) -> ArmAnswers:
        """Return the counts of both together."""
        by_seconds = Counter(self.by_seconds)
        by_seconds.update(other.by_seconds)
        return ArmAnswers(
            answers=self.answers + other.answers, errors=self.errors + other.errors, by_seconds=dict(by_seconds)
        )

    def slow_bound(self) -> float:
        """Return the least counted time beyond which an answer is slow; infinite where there is none."""
        least = _MOST_SHARE * self.answers
        p95 = min((seconds for seconds, count in self.by_seconds.items() if count >= least), default=float("inf"))
        bound = max(_TIMES * p95, _NEVER_SLOW)
        return min((seconds for seconds in self.by_seconds if seconds >= bound), default=float("inf"))


class Served(NamedTuple):
    """An arm's answers, those that failed, and those that were slow beside the champion's."""

    answers: float = 0.0
    errors: float = 0.0
    slow: float = 0.0


def served(arms: Mapping[str, ArmAnswers]) -> dict[Arm, Served]:
    """Return what the decision needs of the counts by the names of arms."""
    bound = arms.get(Arm.CHAMPION.name, ArmAnswers()).slow_bound()
    return {
        Arm[name]: Served(counts.answers, counts.errors, counts.answers - counts.by_seconds.get(bound, counts.answers))
        for name, counts in arms.items()
    }
