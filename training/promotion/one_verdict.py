"""One verdict on offline evaluation, experiment and cost of answers: what the last two add to the gate's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.promotion.answer_cost import Cost
from training.promotion.gate import ANSWERS, GateRules, Limit, Online, Verdict, describe_limit


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
