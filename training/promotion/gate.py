"""Is the challenger better than its rival, by how much, and how sure is that? Nothing is read or written here.

promote     not worse by more than the margin on any guarded metric, and better on a named one
refuse      worse by more than the margin, as far as the people can tell; or a guard of what is shown is broken: how
            many films, how many lists with a rarely rated one, how many with next to no ratings
undecided   neither can be told: the difference, if there is one, is smaller than what these people can show
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from training.config import CONFIG_ROOT, Config, build_config, merge, read_mapping
from training.evaluation.result import Evaluation
from training.evaluation.significance import Comparison, compare, holm, lower_is_better

Outcome = Literal["promote", "refuse", "undecided"]
Status = Literal["holds", "unclear", "broken"]
Role = Literal["people", "titles"]
RivalRole = Literal["champion", "reference", "popularity"]
COVERAGE, RARE_LISTS, THIN_FILMS = "coverage_at_10", "rare_lists_at_10", "thin_films_at_10"
ROLES: tuple[Role, ...] = ("people", "titles")
Evaluations = Mapping[Role, Evaluation]


class ScorerRules(Config):
    """What one scorer must show."""

    margins: dict[str, float] = Field(description="metric -> share of the rival's value that may be lost")
    better_on: list[str]
    least_coverage: float = Field(ge=0, le=1, description="films ever shown, as a share of the rival's")

    @model_validator(mode="after")
    def _named_are_guarded(self) -> ScorerRules:
        if unguarded := [name for name in self.better_on if name not in self.margins]:
            raise ValueError(f"{', '.join(unguarded)} in better_on has no margin")
        return self


class GateRules(Config):
    """configs/gate.yaml for one data set."""

    people: ScorerRules
    titles: ScorerRules
    least_rare_lists: float = Field(ge=0, le=1)
    most_thin_films: float = Field(ge=0, le=1)

    def of(self, role: Role) -> ScorerRules:
        """The rules of one scorer."""
        return self.people if role == "people" else self.titles


@dataclass(frozen=True)
class Rival:
    """Whom the challenger is compared with."""

    role: RivalRole
    version: int
    evaluations: Evaluations


@dataclass(frozen=True)
class Guard:
    """One guarded metric against one rival."""

    rival: RivalRole
    role: Role
    comparison: Comparison
    margin: float  # in the metric's own unit
    status: Status


@dataclass(frozen=True)
class Limit:
    """A figure of whole lists, and the least or most that it may be."""

    protocol: str
    figure: str
    value: float
    side: Literal["at least", "at most"]
    bound: float
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a challenger, and why."""

    outcome: Outcome
    reasons: Sequence[str]
    better: Sequence[Comparison] = ()  # the named metrics against the first rival, Holm-corrected
    guards: Sequence[Guard] = ()
    limits: Sequence[Limit] = ()
    missing: str = ""  # who could not be compared, and why

    @property
    def summary(self) -> str:
        """One line."""
        return f"{self.outcome}: {'; '.join([*self.reasons, *filter(None, [self.missing])])}"


def load_rules(dataset: str) -> GateRules:
    """The rules for a data set: the default ones with its own on top."""
    raw = read_mapping(CONFIG_ROOT / "gate.yaml")
    own = (raw.get("datasets") or {}).get(dataset, {})
    return build_config(merge(raw.get("default") or {}, own), GateRules, "gate.yaml")


def judge(challenger: Evaluations, rivals: Sequence[Rival], rules: GateRules) -> Verdict:
    """The verdict on a challenger. It must be better than the first rival, and not worse than any.

    Raises UsageError where evaluations cannot be paired.
    """
    guards = [guard for rival in rivals for guard in _guards(challenger, rival, rules)]
    first = [guard for guard in guards if guard.rival == rivals[0].role]
    better = holm([each.comparison for each in first if each.comparison.metric in rules.of(each.role).better_on])
    limits = _limits(challenger, rivals[0], rules)
    outcome = _outcome(guards, limits, better)
    return Verdict(outcome, _reasons(outcome, guards, limits, better), better, guards, limits)


def _guards(challenger: Evaluations, rival: Rival, rules: GateRules) -> list[Guard]:
    guards = []
    for role in ROLES:
        scorer = rules.of(role)
        for metric in scorer.better_on if rival.role == "popularity" else scorer.margins:
            found = compare(challenger[role], rival.evaluations[role], metric)
            margin = scorer.margins[metric] * found.b
            guards.append(Guard(rival.role, role, found, margin, _status(found, margin)))
    return guards


def _status(found: Comparison, margin: float) -> Status:
    lowest, highest = gain_interval(found)
    if lowest >= -margin:
        return "holds"
    seen = highest < 0 or found.smallest_detectable <= margin
    return "broken" if found.gain < -margin and seen else "unclear"


def gain_interval(found: Comparison) -> tuple[float, float]:
    """95 % interval of `found.gain`."""
    if lower_is_better(found.metric):
        return -found.difference_hi, -found.difference_lo
    return found.difference_lo, found.difference_hi


def is_better(found: Comparison) -> bool:
    """Beyond chance, after Holm's correction."""
    return found.significant and found.gain > 0


def _limits(challenger: Evaluations, rival: Rival, rules: GateRules) -> list[Limit]:
    limits = []
    for role in ROLES:
        ours, theirs = challenger[role], rival.evaluations[role]
        for figure, share in ((COVERAGE, rules.of(role).least_coverage), (RARE_LISTS, rules.least_rare_lists)):
            value, least = ours.metric(figure).value, share * theirs.metric(figure).value
            limits.append(Limit(ours.protocol, figure, value, "at least", least, value >= least))
        value, most = ours.metric(THIN_FILMS).value, rules.most_thin_films
        limits.append(Limit(ours.protocol, THIN_FILMS, value, "at most", most, value <= most))
    return limits


def _outcome(guards: Sequence[Guard], limits: Sequence[Limit], better: Sequence[Comparison]) -> Outcome:
    if any(guard.status == "broken" for guard in guards) or not all(limit.holds for limit in limits):
        return "refuse"
    if all(guard.status == "holds" for guard in guards) and any(is_better(found) for found in better):
        return "promote"
    return "undecided"


def _reasons(
    outcome: Outcome, guards: Sequence[Guard], limits: Sequence[Limit], better: Sequence[Comparison]
) -> list[str]:
    """What decided."""
    if outcome == "promote":
        return [f"better: {_told(found)}" for found in better if is_better(found)]
    if outcome == "refuse":
        worse = [f"worse than {named(g.rival)}: {_told(g.comparison)}" for g in guards if g.status == "broken"]
        outside = [f"{x.protocol}/{x.figure} {x.value:.4f}, {x.side} {x.bound:.4f}" for x in limits if not x.holds]
        return worse + outside
    unclear = [
        f"may be worse than {named(guard.rival)} by more than {guard.margin:.4f}: {_told(guard.comparison)}, smallest "
        f"detectable difference {guard.comparison.smallest_detectable:.4f}"
        for guard in guards
        if guard.status == "unclear"
    ]
    return unclear or [f"no better beyond chance: {_told(found)}" for found in better]


def named(rival: RivalRole) -> str:
    """The rival in a sentence."""
    return rival if rival == "popularity" else f"the {rival}"


def _told(found: Comparison) -> str:
    return (
        f"{found.protocol}/{found.metric} {found.a:.4f} against {found.b:.4f}, "
        f"difference {found.difference:+.4f} [{found.difference_lo:+.4f}, {found.difference_hi:+.4f}]"
    )
