"""What a service counts of the answers that each arm of an experiment got: failures, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel

from online.recommendation_id import Arm

_LEAST_SHARE = 0.95  # of the champion's answers, which are not slow


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

    @property
    def p95_seconds(self) -> float:
        """The least counted time within which nearly all answers were given; infinite where there is none."""
        least = _LEAST_SHARE * self.answers
        return min((seconds for seconds, count in self.by_seconds.items() if count >= least), default=float("inf"))


class Served(NamedTuple):
    """An arm's answers, those that failed, and those that took longer than nearly all of the champion's."""

    answers: float = 0.0
    errors: float = 0.0
    slow: float = 0.0


def served(arms: Mapping[str, ArmAnswers]) -> dict[Arm, Served]:
    """Return what the decision needs of the counts by the names of arms."""
    bound = arms.get(Arm.CHAMPION.name, ArmAnswers()).p95_seconds
    return {
        Arm[name]: Served(counts.answers, counts.errors, counts.answers - counts.by_seconds.get(bound, counts.answers))
        for name, counts in arms.items()
    }
