"""A verdict for people and programs: report.md, verdict.json and one figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from training.evaluation.style import figure, label
from training.promotion.gate import Guard, Limit, Rival, Verdict, gain_interval, is_better

COLOURS = {"holds": "#029e73", "unclear": "#949494", "broken": "#d55e00"}


def write_report(verdict: Verdict, challenger: str, rivals: Sequence[Rival], directory: Path) -> list[Path]:
    """Write the files to `directory` and return them. `challenger` says which version was judged, on which data."""
    report = directory / "report.md"
    report.write_text(markdown(verdict, challenger, rivals), encoding="utf-8")
    machine = directory / "verdict.json"
    machine.write_text(json.dumps(asdict(verdict), indent=1), encoding="utf-8")
    if not verdict.guards:
        return [report, machine]
    picture = directory / "differences.png"
    differences(verdict.guards, challenger).savefig(picture)
    return [report, machine, picture]


def markdown(verdict: Verdict, challenger: str, rivals: Sequence[Rival]) -> str:
    """The verdict as a page."""
    named = ", ".join(f"{rival.role} (version {rival.version})" for rival in rivals) or "nobody"
    parts = [
        f"# {verdict.outcome}: {challenger}",
        f"Compared with: {named}.",
        verdict.missing,
        _bullets(verdict.reasons),
    ]
    if verdict.guards:
        parts += ["## Differences", _guard_table(verdict)]
    if verdict.limits:
        parts += ["## Limits", _limit_table(verdict.limits)]
    return "\n\n".join(filter(None, parts)) + "\n"


def differences(guards: Sequence[Guard], challenger: str) -> Figure:
    """Each guarded metric's gain with its 95 % interval, as a share of the rival's value; the margin is a red line."""
    with figure(8.0, 1.2 + 0.45 * len(guards), f"{challenger}: gain on its rivals, 95 % intervals") as made:
        ax = made[1][0, 0]
        ax.axvline(0, color="0.4", linewidth=1)
        for place, guard in enumerate(guards):
            found = guard.comparison
            low, high = (100 * end / found.b for end in gain_interval(found))
            ax.plot([low, high], [place, place], color=COLOURS[guard.status], linewidth=2)
            ax.plot(100 * found.gain / found.b, place, "o", color=COLOURS[guard.status])
            ax.plot([-100 * guard.margin / found.b] * 2, [place - 0.35, place + 0.35], color="#cc0000", linewidth=1.5)
        names = [f"{g.comparison.protocol} {label(g.comparison.metric)}, {g.rival}" for g in guards]
        ax.set_yticks(range(len(guards)), names)
        ax.set(xlabel="gain in % of the rival's value", ylim=(len(guards) - 0.4, -0.6))
    return made[0]


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _guard_table(verdict: Verdict) -> str:
    adjusted = {(found.protocol, found.metric): found for found in verdict.better}
    head = [
        "rival",
        "metric",
        "challenger",
        "rival's",
        "difference, 95 %",
        "margin",
        "smallest detectable",
        "not worse",
        "better",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for guard in verdict.guards:
        found = guard.comparison
        named = adjusted.get((found.protocol, found.metric)) if guard.rival == verdict.guards[0].rival else None
        better = "" if named is None else f"{'yes' if is_better(named) else 'no'}, p = {named.p_adjusted:.4f}"
        lines.append(
            f"| {guard.rival} | {found.protocol}/{found.metric} | {found.a:.4f} | {found.b:.4f} | "
            f"{found.difference:+.4f} [{found.difference_lo:+.4f}, {found.difference_hi:+.4f}] | {guard.margin:.4f} | "
            f"{found.smallest_detectable:.4f} | {guard.status} | {better} |"
        )
    people = ", ".join(sorted({f"{g.comparison.users:,} people in {g.comparison.protocol}" for g in verdict.guards}))
    return "\n".join(lines) + f"\n\nPaired bootstrap over {people}; p is Holm-corrected over the named metrics."


def _limit_table(limits: Sequence[Limit]) -> str:
    lines = ["| figure | value | limit | holds |", "|---|---|---|---|"]
    for each in limits:
        holds = "yes" if each.holds else "no"
        lines.append(f"| {each.protocol}/{each.figure} | {each.value:.4f} | {each.side} {each.bound:.4f} | {holds} |")
    return "\n".join(lines)
