"""Extend the gate's verdict on offline evaluation by the experiment and the cost of answers.

Beside that, notes on what a verdict does not rest on: metrics that a version lacks, and users who come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.promotion.answer_cost import Cost
from training.promotion.gate import (
    ANSWERS,
    EvaluationByRole,
    GateRules,
    Guard,
    Limit,
    Online,
    Rival,
    Verdict,
    describe_limit,
    has_metric,
    phrase,
)

ONE_SITTING = "latest20"  # the protocol whose test ratings mostly follow the training ratings within hours
_BLIND_SPOT = (
    f"{ONE_SITTING} measures one sitting going on: it cannot see how well people are served who come back later."
)


def add_cost(verdict: Verdict, cost: Cost, champion_cost: Cost, rules: GateRules) -> Verdict:
    """Return the verdict with limits on time and memory of the challenger's answers."""
    most_ms = max(rules.most_latency * champion_cost.p95_ms, rules.latency_floor_ms)
    bounds = {
        "p95_ms": (cost.p95_ms, most_ms),
        "memory_mib": (cost.memory_mib, rules.most_memory * champion_cost.memory_mib),
    }
    limits = [Limit(ANSWERS, name, value, "at most", most, value <= most) for name, (value, most) in bounds.items()]
    line = (
        f"answers: p95 {cost.p95_ms:.1f} ms against {champion_cost.p95_ms:.1f} ms, "
        f"{cost.memory_mib:.0f} MiB against {champion_cost.memory_mib:.0f} MiB"
    )
    verdict = replace(verdict, limits=[*verdict.limits, *limits], lines=[*verdict.lines, line])
    broken = [describe_limit(limit) for limit in limits if not limit.holds]
    return _refuse(verdict, broken) if broken else verdict


def add_experiment(verdict: Verdict, online: Online | None, rules: GateRules) -> Verdict:
    """Return one verdict on offline evaluation and experiment.

    Either can refuse. A version that is better in the experiment is promoted where the offline evaluation cannot
    decide; one that may be worse in it, or was to have one, is not promoted on the offline evaluation alone.
    """
    line = f"experiment: {online.line if online else 'none between the champion and this version'}"
    lines = [line, *([f"guardrails, champion and challenger: {online.guardrails}"] if online else [])]
    verdict = replace(verdict, online=online, lines=[*verdict.lines, *lines])
    if online is None:
        is_open = rules.experiment_required
    elif online.state == "refuse":
        return _refuse(verdict, [line])
    elif online.state == "better" and verdict.outcome == "undecided":
        return replace(verdict, outcome="promote", reasons=[line])
    else:
        is_open = online.state in ("running", "undecided")
    return (
        replace(verdict, outcome="undecided", reasons=[line]) if is_open and verdict.outcome == "promote" else verdict
    )


def _refuse(verdict: Verdict, reasons: Sequence[str]) -> Verdict:
    """Return a refusal for these reasons, beside those of an earlier one."""
    earlier = verdict.reasons if verdict.outcome == "refuse" else []
    return replace(verdict, outcome="refuse", reasons=[*earlier, *reasons])


def notes(verdict: Verdict, challenger: EvaluationByRole, rivals: Sequence[Rival], rules: GateRules) -> list[str]:
    """Return a note on each metric that could not be compared, and on returning users for each rival."""
    return [*_lacking(challenger, rivals, rules), *_returns(verdict, challenger, rivals, rules)]


def _lacking(challenger: EvaluationByRole, rivals: Sequence[Rival], rules: GateRules) -> list[str]:
    versions = {"this version": challenger}
    versions |= {phrase(rival.role): rival.evaluations for rival in rivals if rival.role != "popularity"}
    if len(versions) == 1:
        return []
    sentences = []
    for metric in rules.people.margins:
        lacking = [name for name, evaluations in versions.items() if not has_metric(evaluations, "people", metric)]
        if lacking:
            sentences.append(
                f"{challenger['people'].protocol}/{metric} is not guarded: {_who(lacking)} it, judged before it was "
                "measured, or on data that cannot have it."
            )
    return sentences


def _returns(verdict: Verdict, challenger: EvaluationByRole, rivals: Sequence[Rival], rules: GateRules) -> list[str]:
    if challenger["people"].protocol != ONE_SITTING:
        return []
    sentences = []
    for rival in rivals:
        versions = {"this version": challenger, phrase(rival.role): rival.evaluations}
        lacking = [name for name, evaluations in versions.items() if "returns" not in evaluations]
        if lacking:
            sentences.append(f"People who come back decide nothing: {_who(lacking)} figures of them.")
            continue
        protocol = challenger["returns"].protocol
        sentences += [
            _described(guard, decides=guards is verdict.guards, rules=rules)
            for guards in (verdict.guards, verdict.shown)
            for guard in guards
            if (guard.rival, guard.comparison.protocol) == (rival.role, protocol)
            and guard.comparison.metric in rules.people.better_on
        ]
    return [*sentences, _BLIND_SPOT]


def _described(guard: Guard, *, decides: bool, rules: GateRules) -> str:
    pair = guard.comparison
    figures = (
        f"{pair.protocol}/{pair.metric} {pair.a:.4f} against {phrase(guard.rival)}'s {pair.b:.4f}, ratio "
        f"{pair.ratio:.3f} [{pair.ratio_lo:.3f}, {pair.ratio_hi:.3f}], {pair.users:,} people who come back, smallest "
        f"detectable difference {pair.smallest_detectable:.4f}, margin {guard.margin:.4f}"
    )
    if decides:
        return f"{figures}: it is judged by in the place of {ONE_SITTING}."
    few = f"; at least {rules.least_returning} people are needed" if pair.users < rules.least_returning else ""
    return f"{figures}: it decides nothing, as it cannot see a loss of the margin{few}."


def _who(names: Sequence[str]) -> str:
    return f"{' and '.join(names)} {'lacks' if len(names) == 1 else 'lack'}"
