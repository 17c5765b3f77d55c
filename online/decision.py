"""The state of an experiment from its counts: bounds, guardrails and what they say. No input or output.

All bounds and checks hold at all looks together, and share one error rate: without any difference between the versions
the chance that any of them ever raises a false alarm is at most `Rules.error`. Counts may be arrays, one entry a look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from online.estimators.interleaving import win_bounds
from online.estimators.mean_difference import ArmSums, Difference, difference
from online.estimators.sample_ratio import log_evidence

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
State = Literal["running", "better", "not worse", "undecided", "refuse"]

PRIMARY_SHARE = 0.7  # of the error; the rest is divided between the four checks
CHECKS = ("sample_ratio", "errors", "slow_answers", "dislikes")


class Rules(BaseModel):
    """What must hold in an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: float = Field(0.05, gt=0, lt=1, description="chance of any false alarm, over all looks and checks")
    margin: float = Field(0.05, ge=0, description="share of the champion's value that may be lost at most")
    least_visitors: int = Field(100, ge=2, description="visitors of each arm, or woven lists with a winner, before")
    least_successes: float = Field(
        10, ge=0, description="successes expected of each arm, if both had as many for each visitor, before"
    )
    least_coverage: float = Field(0.8, ge=0, le=1, description="items shown, as a share of the champion's")

    @property
    def primary_error(self) -> float:
        """The error rate of the primary metric's bounds."""
        return PRIMARY_SHARE * self.error

    @property
    def check_error(self) -> float:
        """The error rate of each check."""
        return (1.0 - PRIMARY_SHARE) * self.error / len(CHECKS)


class Pair(NamedTuple):
    """The same count of both arms."""

    champion: Floats
    challenger: Floats


class Check(BaseModel):
    """A guardrail: whether it is in bounds, and the two sides that it compares."""

    holds: bool
    champion: float
    challenger: float


class Counts(NamedTuple):
    """What was counted up to a look, of an experiment in mode `ab`."""

    share: float  # of visitors that the challenger was to get
    enrolled: Pair
    primary: tuple[ArmSums, ArmSums]  # champion's and challenger's visitors whose window is over
    dislikes: tuple[ArmSums, ArmSums]  # the same visitors: share of lists with an item dismissed or rated low
    answers: Pair
    errors: Pair
    slow_answers: Pair  # slower than nearly all of the champion's
    items: Pair  # different ones, in the same number of lists of each arm


class Findings(NamedTuple):
    """The bounds of the primary metric, and which checks have found something; each array has an entry a look."""

    effect: Difference
    alarms: dict[str, Bools]
    sides: dict[str, Pair]  # what each check compares: visitors, shares of answers or of lists, or different items

    def checks(self) -> dict[str, Check]:
        """Return the checks at the last look."""
        return {
            name: Check(
                holds=not alarm[-1],
                champion=float(self.sides[name].champion[-1]),
                challenger=float(self.sides[name].challenger[-1]),
            )
            for name, alarm in self.alarms.items()
        }


def examine(counts: Counts, rules: Rules, planned: float) -> Findings:
    """Return bounds and alarms at each look; `planned`: visitors for whom the bounds are narrowest."""
    effect = _bounds(counts.primary, rules, rules.primary_error, planned)
    dislikes = _bounds(counts.dislikes, rules, rules.check_error, planned)
    has_visitors = _fewer(counts.primary) >= rules.least_visitors
    limit = -math.log(rules.check_error)
    enrolled = log_evidence(counts.enrolled.challenger, counts.enrolled.champion, counts.share)
    alarms = {
        "sample_ratio": enrolled >= limit,
        "errors": _is_more_often(counts.errors, counts.answers, limit),
        "slow_answers": _is_more_often(counts.slow_answers, counts.answers, limit),
        "dislikes": dislikes.lower > rules.margin * counts.dislikes[0].mean,
        "coverage": has_visitors & (counts.items.challenger < rules.least_coverage * counts.items.champion),
    }
    sides = {
        "sample_ratio": counts.enrolled,
        "errors": _shares(counts.errors, counts.answers),
        "slow_answers": _shares(counts.slow_answers, counts.answers),
        "dislikes": Pair(*(arm.mean for arm in counts.dislikes)),
        "coverage": counts.items,
    }
    return Findings(effect, alarms, sides)


def decide(findings: Findings, champion_value: float, rules: Rules, *, is_due: bool) -> tuple[State, list[str]]:
    """Return the state at the last look, and the reasons; `is_due`: the minimum duration is over."""
    if alarms := _alarms(findings.checks()):
        return "refuse", alarms
    lower, upper = float(findings.effect.lower[-1]), float(findings.effect.upper[-1])
    return _state(lower, upper, rules.margin * champion_value, is_due=is_due)


def decide_wins(
    wins: int, losses: int, checks: Mapping[str, Check], rules: Rules, planned: float, *, is_due: bool
) -> tuple[State, list[str]]:
    """Return the state of an experiment by the woven lists that each version won, and the reasons.

    The margin is taken from the even share: the challenger may win `margin` / 2 less than half of the lists.
    `planned`: lists with a winner for which the bounds are narrowest.
    """
    if alarms := _alarms(checks):
        return "refuse", alarms
    lower, upper = win_bounds(wins, losses, rules.primary_error, planned)
    if wins + losses < rules.least_visitors:
        return "running", ["too few lists with a winner"]
    return _state(lower - 0.5, upper - 0.5, rules.margin / 2.0, is_due=is_due)


def _alarms(checks: Mapping[str, Check]) -> list[str]:
    return [f"{name.replace('_', ' ')} out of bounds" for name, check in checks.items() if not check.holds]


def _state(lower: float, upper: float, margin: float, *, is_due: bool) -> tuple[State, list[str]]:
    """Return what the bounds of a gain say; harm ends an experiment at once, a gain counts when it is due."""
    if upper < 0:
        return "refuse", ["worse than the champion"]
    if not is_due:
        return "running", ["the minimum duration is not over"]
    if lower > 0:
        return "better", ["better than the champion"]
    if not math.isfinite(lower):
        return "undecided", ["too few visitors or successes for bounds"]
    if lower >= -margin:
        return "not worse", ["not worse than the champion by more than the margin"]
    return "undecided", ["the bounds hold both a loss beyond the margin and none"]


def _bounds(arms: tuple[ArmSums, ArmSums], rules: Rules, error: float, planned: float) -> Difference:
    """Return the bounds, infinite before there are enough visitors and successes: they rest on a limit theorem.

    An arm that is small beside rare successes has none for long, and seems to vary not at all.
    """
    champion, challenger = arms
    mean = (champion.total + challenger.total) / np.maximum(champion.visitors + challenger.visitors, 1.0)
    fewer = _fewer(arms)
    enough = (fewer >= rules.least_visitors) & (mean * fewer >= rules.least_successes)
    bounds = difference(*arms, error=error, planned=planned)
    return Difference(bounds.value, np.where(enough, bounds.lower, -np.inf), np.where(enough, bounds.upper, np.inf))


def _fewer(arms: tuple[ArmSums, ArmSums]) -> Floats:
    """Return the visitors of the smaller arm at each look."""
    return np.minimum(arms[0].visitors, arms[1].visitors)


def _shares(events: Pair, answers: Pair) -> Pair:
    return Pair(*(count / np.maximum(total, 1.0) for count, total in zip(events, answers, strict=True)))


def _is_more_often(events: Pair, answers: Pair, limit: float) -> Bools:
    """Return whether the challenger's answers were such an event more often, beyond chance.

    Given how many there were, each is the challenger's with the chance of its share of the answers.
    """
    total = np.maximum(answers.champion + answers.challenger, 1.0)
    share = np.clip(answers.challenger / total, 1e-9, 1.0 - 1e-9)
    expected = share * (events.champion + events.challenger)
    return (events.challenger > expected) & (_event_evidence(events, share) >= limit)


def _event_evidence(events: Pair, share: Floats) -> Floats:
    return log_evidence(events.challenger, events.champion, share, concentration=20.0)
