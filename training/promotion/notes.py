"""What a verdict does not rest on, in sentences: metrics that a version lacks, and users who come back."""

from __future__ import annotations

from collections.abc import Sequence

from training.promotion.gate import EvaluationByRole, GateRules, Guard, Rival, Verdict, has_metric, phrase

ONE_SITTING = "latest20"  # the protocol whose test ratings mostly follow the training ratings within hours
_BLIND_SPOT = (
    f"{ONE_SITTING} measures one sitting going on: it cannot see how well people are served who come back later."
)


def notes(verdict: Verdict, challenger: EvaluationByRole, rivals: Sequence[Rival], rules: GateRules) -> list[str]:
    """Return a sentence for each metric that could not be compared, and for each rival what returning users tell."""
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
