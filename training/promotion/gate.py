"""The promotion gate: a verdict on a challenger from its evaluations and those of its rivals. No input or output.

promote     not worse than a rival by more than the margin on any guarded metric, and better on a named one
refuse      worse by more than the margin beyond chance, or a limit on the lists is broken: the number of items that
            occur, of lists with a rarely rated item, of items with next to no ratings
undecided   neither is certain: a difference, if there is one, is too small to detect with these users
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from online.decision import Rules, State
from training.config import CONFIG_ROOT, Config, build_config, merge, read_mapping
from training.evaluation.result import Evaluation
from training.evaluation.significance import Comparison, compare, holm, lower_is_better

Outcome = Literal["promote", "refuse", "undecided"]
Status = Literal["holds", "unclear", "broken"]
Role = Literal["people", "titles"]
RivalRole = Literal["champion", "reference", "popularity"]
COVERAGE, RARE_LISTS, THIN_FILMS = "coverage_at_10", "rare_lists_at_10", "thin_films_at_10"
ROLES: tuple[Role, ...] = ("people", "titles")
Judge = Literal["people", "titles", "returns"]  # `returns`: lists for users who come back, where they are tested
ANSWERS = "answers"  # in the place of a protocol: limits on what answers cost
EvaluationByRole = Mapping[Judge, Evaluation]


class ScorerRules(Config):
    """Requirements on the lists of one scorer in comparison with a rival's."""

    margins: dict[str, float] = Field(description="metric -> share of the rival's value that may be lost")
    better_on: list[str] = Field(description="metrics of which at least one must improve")
    refuse_only: list[str] = Field([], description="metrics of few users: a loss refuses, doubt does not hold up")
    least_coverage: float = Field(ge=0, le=1, description="catalogue coverage, as a share of the rival's")

    @model_validator(mode="after")
    def _improvements_are_guarded(self) -> ScorerRules:
        if unguarded := [name for name in (*self.better_on, *self.refuse_only) if name not in self.margins]:
            raise ValueError(f"{', '.join(unguarded)} in better_on or refuse_only has no margin")
        return self


class GateRules(Config):
    """The rules of `configs/gate.yaml` for one data set."""

    people: ScorerRules = Field(description="lists for users")
    titles: ScorerRules = Field(description="lists of similar items")
    least_rare_lists: float = Field(ge=0, le=1, description="lists with a rare item, as a share of the rival's")
    most_thin_films: float = Field(ge=0, le=1, description="share of listed items with next to no ratings")
    most_thin_films_at_first: float = Field(1.0, ge=0, le=1, description="the same where there is no champion yet")
    least_returning: int = Field(ge=1, description="users who come back that a verdict may rest on")

    experiment: Rules = Field(description="what must hold in an experiment")
    experiment_required: bool = Field(description="refuse to promote over a champion without an experiment")
    most_latency: float = Field(gt=0, description="95 % of answers, as a multiple of the champion's time")
    latency_floor_ms: float = Field(ge=0, description="an answer's time that is always allowed")
    most_memory: float = Field(gt=0, description="of an answering process, as a multiple of the champion's")

    def of(self, role: Role) -> ScorerRules:
        """Return the rules of one scorer."""
        return self.people if role == "people" else self.titles


@dataclass(frozen=True)
class Rival:
    """A version that the challenger is compared with."""

    role: RivalRole
    version: int
    evaluations: EvaluationByRole


@dataclass(frozen=True)
class Guard:
    """The comparison of one guarded metric with one rival, and whether it stays within the margin."""

    rival: RivalRole
    role: Role
    comparison: Comparison
    margin: float  # in the metric's own unit
    status: Status
    must_hold: bool = True  # False: only a certain loss counts

    @property
    def is_in_doubt(self) -> bool:
        """Return whether the guard leaves a challenger undecided."""
        return self.status == "unclear" and self.must_hold


@dataclass(frozen=True)
class Limit:
    """A metric of whole sets of lists with its lower or upper bound."""

    protocol: str
    figure: str
    value: float
    side: Literal["at least", "at most"]
    bound: float
    holds: bool


@dataclass(frozen=True)
class Online:
    """Result of an experiment between the champion and the challenger."""

    state: State
    line: str
    guardrails: str


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a challenger, and its reasons."""

    outcome: Outcome
    reasons: Sequence[str]
    better: Sequence[Comparison] = ()  # metrics that may win, against the first rival, Holm-corrected
    guards: Sequence[Guard] = ()
    limits: Sequence[Limit] = ()
    shown: Sequence[Guard] = ()  # of the two protocols for lists for users, the comparisons that decide nothing
    notes: Sequence[str] = ()  # what could not be compared, or not well enough, and why
    online: Online | None = None
    lines: Sequence[str] = ()  # offline evaluation, experiment and cost of answers, a line each

    def __repr__(self) -> str:
        return f"<Verdict {self.summary}>"

    @property
    def summary(self) -> str:
        """Return outcome and reasons in one line."""
        notes = [note.rstrip(".") for note in self.notes]
        return f"{self.outcome}: {'; '.join([*self.reasons, *notes])}"


def load_rules(dataset: str) -> GateRules:
    """Read the gate's rules for a data set: the default ones, overridden by its own."""
    raw = read_mapping(CONFIG_ROOT / "gate.yaml")
    dataset_rules = (raw.get("datasets") or {}).get(dataset, {})
    return build_config(merge(raw.get("default") or {}, dataset_rules), GateRules, "gate.yaml")


def decide(challenger: EvaluationByRole, rivals: Sequence[Rival], rules: GateRules) -> Verdict:
    """Return the verdict on a challenger, which must be better than the first rival and not worse than any.

    Raises UsageError where evaluations cannot be paired.
    """
    guards: list[Guard] = []
    shown: list[Guard] = []
    for rival in rivals:
        decisive, undecisive = _guards(challenger, rival, rules)
        guards, shown = guards + decisive, shown + undecisive
    first = [guard for guard in guards if guard.rival == rivals[0].role]
    better = holm([guard.comparison for guard in first if guard.comparison.metric in rules.of(guard.role).better_on])
    limits = _limits(challenger, rivals[0], rules)
    outcome = _outcome(guards, limits, better)
    reasons = _reasons(outcome, guards, limits, better)
    return Verdict(outcome, reasons, better, guards, limits, shown, lines=[f"offline: {outcome}: {'; '.join(reasons)}"])


def _guards(challenger: EvaluationByRole, rival: Rival, rules: GateRules) -> tuple[list[Guard], list[Guard]]:
    """Return the comparisons with one rival that decide, and those of users that are only shown.

    A metric of lists for users is judged by those who come back, where they are enough to see a loss of its margin.
    """
    people = _compared("people", "people", challenger, rival, rules)
    returning = _compared("returns", "people", challenger, rival, rules)
    decisive = {
        metric
        for metric, guard in returning.items()
        if guard.comparison.users >= rules.least_returning and guard.comparison.smallest_detectable < guard.margin
    }
    guards = [returning[metric] if metric in decisive else guard for metric, guard in people.items()]
    shown = [people[metric] if metric in decisive else guard for metric, guard in returning.items()]
    return [*guards, *_compared("titles", "titles", challenger, rival, rules).values()], shown


def _compared(
    judge: Judge, role: Role, challenger: EvaluationByRole, rival: Rival, rules: GateRules
) -> dict[str, Guard]:
    """Compare every guarded metric that both versions have; against popularity only those that may win are guarded."""
    guards: dict[str, Guard] = {}
    scorer = rules.of(role)
    for metric in scorer.better_on if rival.role == "popularity" else scorer.margins:
        if has_metric(challenger, judge, metric) and has_metric(rival.evaluations, judge, metric):
            comparison = compare(challenger[judge], rival.evaluations[judge], metric)
            margin = scorer.margins[metric] * comparison.b
            status, must_hold = _status(comparison, margin), metric not in scorer.refuse_only
            guards[metric] = Guard(rival.role, role, comparison, margin, status, must_hold)
    return guards


def has_metric(evaluations: EvaluationByRole, judge: Judge, metric: str) -> bool:
    """Return whether a version has values of a metric: events lack some, and so do versions judged earlier."""
    return judge in evaluations and bool(np.isfinite(evaluations[judge].per_user.get(metric, np.nan)).any())


def _status(comparison: Comparison, margin: float) -> Status:
    """Return whether a loss beyond the margin is excluded (holds), certain (broken) or neither (unclear)."""
    lowest, highest = gain_interval(comparison)
    if lowest >= -margin:
        return "holds"
    is_certain = highest < 0 or comparison.smallest_detectable <= margin
    return "broken" if comparison.gain < -margin and is_certain else "unclear"


def gain_interval(comparison: Comparison) -> tuple[float, float]:
    """Return the 95 % interval of a comparison's gain, positive where the challenger is better."""
    if lower_is_better(comparison.metric):
        return -comparison.difference_hi, -comparison.difference_lo
    return comparison.difference_lo, comparison.difference_hi


def is_better(comparison: Comparison) -> bool:
    """Return whether the challenger is better beyond chance, after Holm's correction."""
    return comparison.significant and comparison.gain > 0


def _limits(challenger: EvaluationByRole, rival: Rival, rules: GateRules) -> list[Limit]:
    """Check coverage, lists with rare items and items with next to no ratings, for both scorers."""
    limits = []
    for role in ROLES:
        evaluation, rival_evaluation = challenger[role], rival.evaluations[role]
        for name, share in ((COVERAGE, rules.of(role).least_coverage), (RARE_LISTS, rules.least_rare_lists)):
            value, least = evaluation.metric(name).value, share * rival_evaluation.metric(name).value
            limits.append(Limit(evaluation.protocol, name, value, "at least", least, value >= least))
        most = rules.most_thin_films_at_first  # popularity shows none at all
        if rival.role != "popularity":  # what the rival shows may always be shown
            most = max(rules.most_thin_films, rival_evaluation.metric(THIN_FILMS).value)
        value = evaluation.metric(THIN_FILMS).value
        limits.append(Limit(evaluation.protocol, THIN_FILMS, value, "at most", most, value <= most))
    return limits


def _outcome(guards: Sequence[Guard], limits: Sequence[Limit], better: Sequence[Comparison]) -> Outcome:
    if any(guard.status == "broken" for guard in guards) or not all(limit.holds for limit in limits):
        return "refuse"
    if not any(guard.is_in_doubt for guard in guards) and any(map(is_better, better)):
        return "promote"
    return "undecided"


def _reasons(
    outcome: Outcome, guards: Sequence[Guard], limits: Sequence[Limit], better: Sequence[Comparison]
) -> list[str]:
    """Return the comparisons and limits that led to `outcome`, one sentence each."""
    if outcome == "promote":
        return [f"better: {_describe(comparison)}" for comparison in better if is_better(comparison)]
    if outcome == "refuse":
        worse = [f"worse than {phrase(g.rival)}: {_describe(g.comparison)}" for g in guards if g.status == "broken"]
        outside = [describe_limit(limit) for limit in limits if not limit.holds]
        return worse + outside
    unclear = [
        f"may be worse than {phrase(guard.rival)} by more than {guard.margin:.4f}: {_describe(guard.comparison)}, "
        f"smallest detectable difference {guard.comparison.smallest_detectable:.4f}"
        for guard in guards
        if guard.is_in_doubt
    ]
    return unclear or [f"no better beyond chance: {_describe(comparison)}" for comparison in better]


def phrase(rival: RivalRole) -> str:
    """Return a rival as a sentence names it."""
    return rival if rival == "popularity" else f"the {rival}"


def _describe(comparison: Comparison) -> str:
    return (
        f"{comparison.protocol}/{comparison.metric} {comparison.a:.4f} against {comparison.b:.4f}, difference "
        f"{comparison.difference:+.4f} [{comparison.difference_lo:+.4f}, {comparison.difference_hi:+.4f}]"
    )


def describe_limit(limit: Limit) -> str:
    """Return a limit with its value and bound."""
    return f"{limit.protocol}/{limit.figure} {limit.value:.4f}, {limit.side} {limit.bound:.4f}"
