"""The report of a verdict: report.md, verdict.json and one figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from training.evaluation.style import figure, label
from training.promotion.gate import ANSWERS, Guard, Limit, Rival, Verdict, gain_interval, is_better, phrase

COLOURS = {"holds": "#029e73", "unclear": "#949494", "broken": "#d55e00"}


def write_report(verdict: Verdict, challenger: str, rivals: Sequence[Rival], directory: Path) -> None:
    """Write the report of a verdict to files in `directory`.

    `challenger`: the challenger's name in titles, with its data set.
    """
    (directory / "report.md").write_text(markdown(verdict, challenger, rivals), encoding="utf-8")
    (directory / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1), encoding="utf-8")
    if verdict.guards:
        differences(verdict.guards, challenger).savefig(directory / "differences.png")


def markdown(verdict: Verdict, challenger: str, rivals: Sequence[Rival]) -> str:
    """Return the report of a verdict as a Markdown page."""
    rival_names = ", ".join(f"{rival.role} (version {rival.version})" for rival in rivals) or "nobody"
    blocks = [
        f"# {verdict.outcome}: {challenger}",
        f"Compared with: {rival_names}.",
        *verdict.notes,
        _bullets(verdict.reasons),
        *(["## Evidence", _bullets(verdict.lines)] if verdict.lines else []),
    ]
    if verdict.guards:
        blocks += ["## Differences", _guard_table(verdict.guards, verdict)]
    if verdict.shown:
        blocks += ["## Differences that decide nothing", _guard_table(verdict.shown, verdict)]
    if verdict.limits:
        blocks += ["## Limits", _limit_table(verdict.limits)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def explain(verdict: Verdict) -> str:
    """Return the verdict as one plain sentence, which ends a clause: "it is worse than the champion"."""
    if not verdict.guards:
        return " ".join(verdict.reasons)
    if verdict.outcome == "refuse":
        broken = [guard for guard in verdict.guards if guard.status == "broken"]
        rivals = list(dict.fromkeys(phrase(guard.rival) for guard in broken))
        causes = [f"it is worse than {' and '.join(rivals)}, beyond chance"] if rivals else []
        broken_limits = [limit.protocol == ANSWERS for limit in verdict.limits if not limit.holds]
        causes += ["its lists break a limit"] if not all(broken_limits) else []
        causes += ["its answers take too much time or memory"] if any(broken_limits) else []
        causes += ["the experiment refuses it"] if verdict.online and verdict.online.state == "refuse" else []
        return f"{', and '.join(causes)}."
    if verdict.outcome == "promote":
        winners = [f"{pair.protocol}/{pair.metric}" for pair in verdict.better if is_better(pair)]
        where = " and ".join(winners) or "the metric of the experiment"
        return f"it is better than {phrase(verdict.guards[0].rival)} by {where}, beyond chance."
    if verdict.online and verdict.online.state in ("running", "undecided"):
        return "the experiment cannot tell yet whether it is worse."
    if any(guard.is_in_doubt for guard in verdict.guards):
        return "the test users are too few to tell whether it is worse."
    return f"it is no better than {phrase(verdict.guards[0].rival)} beyond chance."


def evidence_table(verdict: Verdict) -> str:
    """Return the comparisons and limits that led to the verdict as a plain table; empty where there are none."""
    guards = [guard for guard in verdict.guards if verdict.outcome == "undecided" and guard.is_in_doubt]
    guards += [guard for guard in verdict.guards if verdict.outcome == "refuse" and guard.status == "broken"]
    pairs = [(g.rival, g.comparison, f"-{g.margin:.4f}") for g in guards]
    if not guards and verdict.guards and verdict.outcome != "refuse":
        pairs = [(verdict.guards[0].rival, comparison, "") for comparison in verdict.better]
    rows = [
        [
            f"{pair.protocol}/{pair.metric}",
            f"{pair.a:.4f}",
            f"{rival} {pair.b:.4f}",
            f"{pair.difference:+.4f} [{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}]",
            margin,
        ]
        for rival, pair, margin in pairs
    ]
    if verdict.outcome == "refuse":
        broken = [limit for limit in verdict.limits if not limit.holds]
        rows += [[f"{x.protocol}/{x.figure}", f"{x.value:.4f}", f"{x.side} {x.bound:.4f}", "", ""] for x in broken]
    if not rows:
        return ""
    head = ["figure", "this version", "compared with", "difference, 95 %", "allowed"]
    columns = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in columns]
    return "\n".join(f"  {'  '.join(line)}".rstrip() for line in zip(*padded, strict=True))


def differences(guards: Sequence[Guard], challenger: str) -> Figure:
    """Draw each guarded metric's gain and 95 % interval in % of the rival's value, with its margin as a red line."""
    title = f"{challenger}: gain on its rivals, 95 % intervals"
    with figure(8.0, 1.2 + 0.45 * len(guards), title) as (fig, axes):
        ax = axes[0, 0]
        ax.axvline(0, color="0.4", linewidth=1)
        for y, guard in enumerate(guards):
            comparison = guard.comparison
            percent = 100 / (comparison.b or 1.0)  # a rival may show nothing disliked
            low, high = (percent * end for end in gain_interval(comparison))
            ax.plot([low, high], [y, y], color=COLOURS[guard.status], linewidth=2)
            ax.plot(percent * comparison.gain, y, "o", color=COLOURS[guard.status])
            ax.plot([-percent * guard.margin] * 2, [y - 0.35, y + 0.35], color="#cc0000", linewidth=1.5)
        names = [f"{g.comparison.protocol} {label(g.comparison.metric)}, {g.rival}" for g in guards]
        ax.set_yticks(range(len(guards)), names)
        ax.set(xlabel="gain in % of the rival's value", ylim=(len(guards) - 0.4, -0.6))
    return fig


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in lines)


def _guard_table(guards: Sequence[Guard], verdict: Verdict) -> str:
    adjusted = {(comparison.protocol, comparison.metric): comparison for comparison in verdict.better}
    head = (
        "rival | metric | challenger | rival's | difference, 95 % | margin | smallest detectable | not worse | better"
    )
    lines = [f"| {head} |", "|---" * 9 + "|"]
    for guard in guards:
        pair = guard.comparison
        tested = adjusted.get((pair.protocol, pair.metric)) if guard.rival == verdict.guards[0].rival else None
        better = "" if tested is None else f"{'yes' if is_better(tested) else 'no'}, p = {tested.p_adjusted:.4f}"
        lines.append(
            f"| {guard.rival} | {pair.protocol}/{pair.metric} | {pair.a:.4f} | {pair.b:.4f} | "
            f"{pair.difference:+.4f} [{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}] | {guard.margin:.4f} | "
            f"{pair.smallest_detectable:.4f} | {guard.status} | {better} |"
        )
    users = ", ".join(sorted({f"{g.comparison.users:,} people in {g.comparison.protocol}" for g in guards}))
    return "\n".join(lines) + f"\n\nPaired bootstrap over {users}; p is Holm-corrected over the named metrics."


def _limit_table(limits: Sequence[Limit]) -> str:
    lines = ["| figure | value | limit | holds |", "|---|---|---|---|"]
    for limit in limits:
        holds = "yes" if limit.holds else "no"
        lines.append(
            f"| {limit.protocol}/{limit.figure} | {limit.value:.4f} | {limit.side} {limit.bound:.4f} | {holds} |"
        )
    return "\n".join(lines)
