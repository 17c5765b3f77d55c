"""The state of an experiment, from the events in a service's store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from online.answered import ArmAnswers, Served, served
from online.decision import Check, Findings, State, decide, decide_wins, examine
from online.estimators.interleaving import win_bounds, win_concentration
from online.estimators.sample_ratio import log_evidence
from online.experiment import Experiment
from online.outcomes import ShownList, balances, collect, count, woven_items
from online.recommendation_id import Arm
from online.signing_keys import read_keys
from online.store import DIRECTORY, EventReader, events_file
from recommender.errors import MissingInputError

LOOKS = 60  # of the bounds over time


class Look(BaseModel):
    """The primary metric's bounds at one time: of the gain, or of the share of won lists."""

    time: float
    champion: float  # visitors whose window is over, or lists that the champion won
    challenger: float
    value: float
    lower: float | None
    upper: float | None


class Status(BaseModel):
    """An experiment and what is known of it now."""

    settings: Experiment
    state: State
    reasons: list[str]
    champion_value: float | None = None  # mean over its visitors, in mode ab
    lists: int
    ties: int = 0  # woven lists that nobody won
    days: float
    checks: dict[str, Check]
    looks: list[Look]

    def hindered(self, obstacle: str) -> Status:
        """Return the status with what keeps the experiment from giving lists as its first reason; "": nothing does."""
        return self.model_copy(update={"reasons": [obstacle, *self.reasons]}) if obstacle else self

    @property
    def line(self) -> str:
        """The state in one line."""
        last = self.looks[-1] if self.looks else None
        bounds = (
            "" if last is None or last.lower is None else f", {last.value:+.4f} [{last.lower:+.4f}, {last.upper:+.4f}]"
        )
        if self.settings.mode == "interleave":
            bounds = bounds.replace("+", "")
        numbers = "" if last is None else f"; champion {last.champion:.0f}, challenger {last.challenger:.0f}"
        return f"{self.state}: {'; '.join(self.reasons)} ({self.settings.metric}{bounds}{numbers})"

    @property
    def guardrails(self) -> str:
        """The checks in one line, the champion's side first."""
        return ", ".join(
            f"{name.replace('_', ' ')} {check.champion:.3g} and {check.challenger:.3g}"
            + ("" if check.holds else " OUT OF BOUNDS")
            for name, check in self.checks.items()
        )


def status(store: Path, experiment: Experiment, now: float, answers: Mapping[str, ArmAnswers]) -> Status:
    """Return the state of an experiment; `answers`: what the service counted of each arm.

    Raises MissingInputError where the store has no events or keys.
    """
    keys = read_keys(store / DIRECTORY)
    if keys is None:
        raise MissingInputError(f"No signing keys in {store / DIRECTORY}: start the service with MOVIEREC_EVENTS=true.")
    reader = EventReader(events_file(store))
    try:
        events = (event for _, event in reader.events(since=experiment.started_at))
        lists = collect(events, experiment, keys.keys)
    finally:
        reader.close()
    return evaluate(lists, experiment, min(now, experiment.ended_at or now), served(answers))


def evaluate(lists: Sequence[ShownList], experiment: Experiment, now: float, counted: Mapping[Arm, Served]) -> Status:
    """Return the state of an experiment at the time `now`, from its lists in the order in which they were made."""
    days = (now - experiment.started_at) / 86_400
    is_due = days >= experiment.minimum_days
    if experiment.mode == "interleave":
        return _woven(lists, experiment, days, is_due=is_due)
    times = np.linspace(experiment.started_at, now, LOOKS + 1)[1:]
    counts = count(lists, experiment, counted, times)
    findings = examine(counts, experiment.rules, experiment.planned_visitors)
    champion_value = float(counts.primary[0].mean[-1])
    state, reasons = decide(findings, champion_value, experiment.rules, is_due=is_due)
    visitors = [arm.visitors for arm in counts.primary]
    return Status(
        settings=experiment,
        state=state,
        reasons=reasons,
        champion_value=champion_value,
        lists=len(lists),
        days=days,
        checks=findings.checks(),
        looks=[_look(times[at], [arm[at] for arm in visitors], findings, at) for at in range(LOOKS)],
    )


def _look(time: float, visitors: Sequence[float], findings: Findings, at: int) -> Look:
    value, lower, upper = (float(bound[at]) for bound in findings.effect)
    is_known = np.isfinite(lower)
    return Look(
        time=time,
        champion=visitors[0],
        challenger=visitors[1],
        value=value,
        lower=lower if is_known else None,
        upper=upper if is_known else None,
    )


def _woven(lists: Sequence[ShownList], experiment: Experiment, days: float, *, is_due: bool) -> Status:
    """Return the state of an experiment in mode `interleave`."""
    rules, won = experiment.rules, balances(lists)
    challengers, champions = np.cumsum(won > 0), np.cumsum(won < 0)
    wins, losses = int((won > 0).sum()), int((won < 0).sum())
    checks = _woven_checks(lists, experiment, has_enough=wins + losses >= rules.least_visitors)
    state, reasons = decide_wins(wins, losses, checks, rules, experiment.planned_visitors, is_due=is_due)
    last_lists = np.unique(np.linspace(0, len(lists) - 1, LOOKS).astype(np.int64)) if lists else ()
    return Status(
        settings=experiment,
        state=state,
        reasons=reasons,
        lists=len(lists),
        ties=int((won == 0).sum()),
        days=days,
        checks=checks,
        looks=[_won_look(lists[at].time, int(challengers[at]), int(champions[at]), experiment) for at in last_lists],
    )


def _woven_checks(lists: Sequence[ShownList], experiment: Experiment, *, has_enough: bool) -> dict[str, Check]:
    """Return the checks of woven lists, which both versions answer together: none of failures or slow answers."""
    rules, disliked = experiment.rules, balances(lists, of_dislikes=True)
    more, fewer = int((disliked > 0).sum()), int((disliked < 0).sum())
    concentration = win_concentration(experiment.planned_visitors, rules.check_error)
    evidence = float(log_evidence(more, fewer, 0.5, concentration))
    dislikes_hold = more <= fewer or evidence < -math.log(rules.check_error)
    champions, challengers = woven_items(lists)
    covers = not has_enough or challengers >= rules.least_coverage * champions
    return {
        "dislikes": Check(holds=dislikes_hold, champion=fewer, challenger=more),
        "coverage": Check(holds=covers, champion=champions, challenger=challengers),
    }


def _won_look(time: float, wins: int, losses: int, experiment: Experiment) -> Look:
    lower, upper = win_bounds(wins, losses, experiment.rules.primary_error, experiment.planned_visitors)
    share = wins / max(wins + losses, 1)
    return Look(time=time, champion=losses, challenger=wins, value=share, lower=lower, upper=upper)
