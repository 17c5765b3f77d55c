"""The part of the Models page on user behaviour: the versions of an experiment, and drift."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from client.answers import DriftFigures, ExperimentCheck, ExperimentState
from webapp import source
from webapp.charts.online import ARMS, arms_over_time, bounds_over_time
from webapp.elements import cards
from webapp.elements.chart import chart
from webapp.wording import count, counted, joined, share

INTERLEAVED = "interleave"
STATES = {
    "running": "The experiment is running: {reasons}.",
    "better": "The challenger is better than the champion, beyond chance.",
    "not worse": "The challenger is not worse than the champion by more than the margin that was set.",
    "undecided": "It cannot be told yet which version is better: more visitors are needed.",
    "refuse": "The challenger must not take over: {reasons}.",
}
SUCCESSES = {"click_rate": "clicked", "watch_rate": "watched", "like_rate": "liked"}
CHECKS = {
    "sample_ratio": "Visitors are divided as planned",
    "errors": "No more errors than the champion",
    "slow_answers": "No more slow answers than the champion",
    "dislikes": "No more dislikes than the champion",
    "coverage": "Enough different titles are shown",
}
BOUNDS = (
    "The band holds the true value at every moment at once, with a chance of at least 95 % for the whole experiment: "
    "it may be looked at at any time."
)


def online() -> None:
    """Draw the experiment that was started last, and drift. Raises WebappError."""
    st.header("Online: what people did with the lists", anchor=False)
    answer = source.experiment()
    if answer is None or answer.experiment is None:
        st.info(
            "No experiment has compared two versions yet. An experiment gives a part of the visitors another version, "
            "and counts what they click.", icon=":material/experiment:",
        )  # fmt: skip
    else:
        _experiment(answer.experiment)
    if answer is not None and answer.drift is not None and answer.drift.coverage:
        st.subheader("How far people are from the training data", anchor=False)
        st.html(cards.figures(drift_figures(answer.drift, source.words().many)))


def _experiment(state: ExperimentState) -> None:
    """Draw the verdict of an experiment, its figures, and both versions over time."""
    settings = state.settings
    st.html(cards.lead(verdict(state)))
    st.html(cards.figures(experiment_figures(state)))
    bounded = [look for look in state.looks if look.lower is not None]
    is_woven = settings.mode == INTERLEAVED
    left, right = st.columns(2, gap="medium")
    with left:
        title = "Share of lists that the challenger won" if is_woven else "Gain of the challenger"
        st.subheader(title, anchor=False)
        if bounded:
            st.html(cards.note(f"The line is the estimate. {BOUNDS}"))
            even = 0.5 if is_woven else 0.0
            drawing = partial(bounds_over_time, bounded, settings.started_at, even=even)
            chart(drawing, alt=f"{title}, with its band, over time")
        else:
            st.html(cards.note("Too few visitors for an interval so far."))
    with right:
        title = "Lists won" if is_woven else "Visitors counted"
        st.subheader(title, anchor=False)
        versions = {"champion": settings.champion, "challenger": settings.challenger}
        names = [(f"{arm.capitalize()}: version {versions[arm].partition('-')[0]}", ARMS[arm]) for arm in ARMS]
        st.html(cards.legend(names))
        if state.looks:
            chart(partial(arms_over_time, state.looks, settings.started_at), alt=f"{title} of both versions, over time")
    if state.checks:
        st.html(cards.table([check_row(name, check, is_woven=is_woven) for name, check in state.checks.items()]))


def check_row(name: str, check: ExperimentCheck, *, is_woven: bool) -> dict[str, str]:
    """Return a guardrail as a table row: the condition, whether it holds, and both values as counts or shares."""
    is_share = name in ("errors", "slow_answers") or (name == "dislikes" and not is_woven)
    sides = [share(side) if is_share else count(round(side)) for side in (check.champion, check.challenger)]
    holds = "yes" if check.holds else "no"
    return {"What must hold": CHECKS.get(name, name), "Holds": holds, "Champion": sides[0], "Challenger": sides[1]}


def verdict(state: ExperimentState) -> str:
    """Return the verdict of the experiment, its reason, and whether it is over."""
    settings = state.settings
    line = STATES.get(state.state, "{reasons}.").format(reasons=joined(state.reasons))
    if settings.ended_at is None:
        return line
    because = f": {settings.ended_because}" if settings.ended_because else ""
    return f"{line} It ended on {datetime.fromtimestamp(settings.ended_at, UTC):%Y-%m-%d}{because}."


def experiment_figures(state: ExperimentState) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure of an experiment."""
    settings, last = state.settings, state.looks[-1] if state.looks else None
    done = SUCCESSES.get(settings.metric, settings.metric)
    figures = [(f"{state.days:.1f}", "days", f"of at least {settings.minimum_days:g}" if settings.minimum_days else ""),
               (count(state.lists), "lists shown", f"a success is a list in which something was {done}")]  # fmt: skip
    if last is None:
        return figures
    if settings.mode == INTERLEAVED:
        won = f"lists of both versions, mixed; {counted(state.ties, 'tie')}"
        value = f"{last.value:.1%}", "won by the challenger", won
    else:
        base = "" if state.champion_value is None else f"the champion has {state.champion_value:.3f} a list"
        value = f"{last.value:+.3f}", f"gain in lists {done}", base
    if last.lower is None or last.upper is None:
        return [value, *figures]
    if settings.mode == INTERLEAVED:
        between = f"{last.lower:.1%} to {last.upper:.1%}", "95 % interval", "50 % is even"
    else:
        between = f"{last.lower:+.3f} to {last.upper:+.3f}", "95 % interval", "0 is no difference"
    return [value, between, *figures]


def drift_figures(drift: DriftFigures, many: str) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure of drift that is known."""
    entries = [
        (
            share(drift.unknown_items),
            f"unknown {many}",
            f"of those clicked, watched or rated; these {many} are new to the model",
        ),
        (
            share(drift.subjects),
            "shift in what is asked for",
            "0 % is as popular as in the training data, 100 % nothing alike",
        ),
        (share(drift.ratings), "shift in ratings", "so many would have to be others to spread as in the training data"),
        (share(drift.coverage), f"of all {many} shown", ""),
        (f"{drift.model_age_seconds / 86_400:.1f}", "days old", "is the model that answers"),
    ]
    return [entry for entry in entries if entry[0] != "–"]
