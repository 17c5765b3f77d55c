"""Promotion and rollback of the champion, the version that is served, and their history.

The service follows the alias `champion`. Every change is an event in the tags of the registered model
(`promotion.000001`, ...), written under a lock: of two promotions at once the second finds another champion than its
evidence was about, and loses. The alias `reference` stays with the first champion, so that small losses cannot add up;
`challenger` is the last version that the gate left undecided.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from recommender import smoke
from recommender.errors import GateRefusedError, LostRaceError, MissingInputError, UsageError
from training.promotion.answer_cost import measure
from training.promotion.evidence import IncomparableError, find_rivals, read_evaluations
from training.promotion.gate import ANSWERS, GateRules, Online, Rival, Verdict, decide, load_rules
from training.promotion.one_verdict import add_cost, add_experiment, notes
from training.promotion.report import evidence_table, explain, write_report
from training.registry import CHALLENGER, CHAMPION, REFERENCE, Tracker, Version

Kind = Literal["promote", "rollback", "lost"]
LOCK_SECONDS = 30.0
_EVENT = "promotion."
_COST_TRIES = 3  # a busy machine slows one
_TAG_LENGTH = 5000  # MLflow's limit


@dataclass(frozen=True)
class Event:
    """One change of the champion, or an attempt that lost a race."""

    kind: Kind
    version: int
    before: int | None  # the champion before
    at: str  # ISO 8601, UTC
    verdict: str
    reason: str = ""


class NotPromotedError(GateRefusedError):
    """The gate's verdict, in `verdict`, does not allow a promotion. The text is a sentence over a table."""

    def __init__(self, number: int, verdict: Verdict) -> None:
        self.verdict = verdict
        self.sentence = f"Version {number} was not promoted: {explain(verdict)}"
        advice = f"`movierec promote --version {number} --force --reason TEXT` overrules the gate."
        if verdict.outcome == "undecided":
            advice = f"`movierec promote --version {number} --accept-undecided` promotes it all the same."
        blocks = [self.sentence, "\n".join(verdict.lines), evidence_table(verdict), *verdict.notes, advice]
        super().__init__("\n\n".join(filter(None, blocks)))


def promote(
    number: int,
    *,
    force: bool = False,
    reason: str = "",
    accept_undecided: bool = False,
    online: Online | None = None,
    tracker: Tracker | None = None,
) -> Verdict:
    """Compare a version with the champion and make it champion if the gate's verdict allows it; return the verdict.

    `force` promotes whatever the verdict and needs a `reason`; `accept_undecided` promotes an undecided challenger;
    `online` is what an experiment between the two says. The verdict is stored either way, as tags of the version and as
    a report in its run. A broken bundle is never promoted.
    Raises GateRefusedError, LostRaceError, MissingInputError, UsageError.
    """
    if force and not reason:
        raise UsageError("--force needs --reason TEXT: it is kept with the version.")
    tracker = tracker or Tracker.existing()
    version, champion = tracker.version(number), tracker.aliased(CHAMPION)
    if champion and champion.number == number:
        raise UsageError(f"Version {number} is the champion already.")
    check_bundle(tracker, version, champion)
    verdict = _run_gate(tracker, version, champion, online)
    decision = _decision(verdict, force, accept_undecided)
    tags = {"verdict": decision, "verdict_summary": verdict.summary, "verdict_reason": reason, "verdict_at": _now()}
    tracker.tag_version(number, {key: value[:_TAG_LENGTH] for key, value in tags.items()})
    if decision in ("refuse", "undecided"):
        if decision == "undecided":
            tracker.set_alias(CHALLENGER, number)
        raise NotPromotedError(number, verdict)
    expected = champion.number if champion else None
    move_champion(tracker, "promote", number, expected=expected, verdict=decision, reason=reason)
    return verdict


def rollback(*, tracker: Tracker | None = None) -> int:
    """Make the previous champion champion again and return its version number.

    Raises MissingInputError where there is none, LostRaceError, BundleError.
    """
    tracker = tracker or Tracker.existing()
    current = _champion_number(tracker)
    previous = champion_stack(history(tracker))
    if previous and previous[-1] == current:
        previous.pop()
    if not previous:
        raise MissingInputError("No earlier champion to go back to. Promote a version: movierec promote --version N.")
    target = tracker.version(previous[-1])
    check_bundle(tracker, target, None)
    move_champion(tracker, "rollback", target.number, expected=current, verdict=target.tags.get("verdict", ""))
    return target.number


def history(tracker: Tracker) -> list[Event]:
    """Read every change of the champion from the registry, oldest first."""
    tags = tracker.model_tags()
    return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_EVENT)]


def champion_stack(events: list[Event]) -> list[int]:
    """Return the version numbers that rollbacks would restore one after the other, the current champion last."""
    stack: list[int] = []
    for event in events:
        if event.kind == "promote":
            stack.append(event.version)
        elif event.kind == "rollback":
            length = len(stack) - stack[::-1].index(event.version)  # a version may have been champion more than once
            stack = stack[:length]
    return stack


def move_champion(
    tracker: Tracker, kind: Kind, number: int, *, expected: int | None, verdict: str, reason: str = ""
) -> None:
    """Set the champion alias to version `number` if it is still at `expected`, and record the event.

    Raises LostRaceError where it is not.
    """
    with lock(tracker):
        before = _champion_number(tracker)
        if before != expected:
            _record(tracker, Event("lost", number, before, _now(), verdict, reason))
            raise LostRaceError(
                f"Version {number} was compared with champion {expected or 'none'}, but meanwhile version "
                f"{before or 'none'} became champion. Compare again: movierec promote --version {number}."
            )
        tracker.set_alias(CHAMPION, number)
        if _champion_number(tracker) != number:
            raise LostRaceError(f"Version {number} was made champion, but another machine changed that at once.")
        _record(tracker, Event(kind, number, before, _now(), verdict, reason))
        _update_other_aliases(tracker, number)


def check_bundle(tracker: Tracker, version: Version, champion: Version | None) -> None:
    """Fetch a version's bundle and check that it works. Raises BundleError, GateRefusedError.

    A catalogue with less than half of the champion's items counts as broken.
    """
    same_data = champion is not None and champion.tags.get("dataset") == version.tags.get("dataset")
    films = int(champion.tags.get("films", 0)) // 2 if champion and same_data else 0
    with tempfile.TemporaryDirectory() as scratch:
        bundle = tracker.bundle(version.number, Path(scratch))
        smoke.check(bundle, dataset=version.tags.get("dataset"), minimum_movies=films)


def _run_gate(tracker: Tracker, version: Version, champion: Version | None, online: Online | None) -> Verdict:
    """Return the gate's verdict on a version, and store its report in the version's run."""
    rivals: list[Rival] = []
    try:
        rivals, missing = find_rivals(tracker, version)
        rules = load_rules(version.tags["dataset"])
        challenger = read_evaluations(tracker, version)
        verdict = decide(challenger, rivals, rules)
        sentences = [missing, *notes(verdict, challenger, rivals, rules)]
        verdict = replace(verdict, notes=list(filter(None, sentences)))
        if champion is not None:
            verdict = _judge_answers(tracker, version, champion, add_experiment(verdict, online, rules), rules)
    except IncomparableError as error:
        verdict = Verdict("refuse", [str(error)])
    title = f"version {version.number} ({version.algorithm}, {version.tags.get('dataset')})"
    folder = f"promotion/{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with tempfile.TemporaryDirectory() as scratch:
        write_report(verdict, title, rivals, Path(scratch))
        tracker.log_directory(version.run_id, Path(scratch), folder)
    return verdict


def _judge_answers(
    tracker: Tracker, version: Version, champion: Version, verdict: Verdict, rules: GateRules
) -> Verdict:
    """Return the verdict with limits on time and memory; one is broken only if three tries break it."""
    with tempfile.TemporaryDirectory() as scratch:
        bundles = [
            tracker.bundle(compared.number, Path(scratch) / str(compared.number)) for compared in (version, champion)
        ]
        for _ in range(_COST_TRIES):
            measured = add_cost(verdict, measure(bundles[0]), measure(bundles[1]), rules)
            if all(limit.holds for limit in measured.limits if limit.protocol == ANSWERS):
                break
    return measured


def _decision(verdict: Verdict, force: bool, accept_undecided: bool) -> str:
    """Return the decision on the version: the verdict's outcome, or `forced` or `accepted` where that overrules it."""
    if verdict.outcome == "promote":
        return "promote"
    if force:
        return "forced"
    return "accepted" if verdict.outcome == "undecided" and accept_undecided else verdict.outcome


def _update_other_aliases(tracker: Tracker, number: int) -> None:
    """Remove the challenger alias from a new champion; make the first champion of a data set its reference."""
    challenger, reference = tracker.aliased(CHALLENGER), tracker.aliased(REFERENCE)
    if challenger and challenger.number == number:
        tracker.delete_alias(CHALLENGER)
    if reference is None or reference.tags.get("dataset") != tracker.version(number).tags.get("dataset"):
        tracker.set_alias(REFERENCE, number)


def _champion_number(tracker: Tracker) -> int | None:
    champion = tracker.aliased(CHAMPION)
    return champion.number if champion else None


def _record(tracker: Tracker, event: Event) -> None:
    number = sum(key.startswith(_EVENT) for key in tracker.model_tags()) + 1
    tracker.tag_model(f"{_EVENT}{number:06d}", json.dumps(asdict(event)))


@contextmanager
def lock(tracker: Tracker) -> Iterator[None]:
    """Hold the lock that lets one process of this machine at a time change the champion of a store.

    The lock is the same however the store's address is spelled. Raises LostRaceError after LOCK_SECONDS.
    """
    if tracker.file:
        path = tracker.file.resolve().with_name(f".{tracker.file.name}.promotion.lock")
    else:
        path = Path(tempfile.gettempdir()) / f"movierec-{hashlib.sha256(tracker.uri.encode()).hexdigest()[:16]}.lock"
    try:
        acquired = FileLock(path).acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise LostRaceError(
            f"Another promotion or rollback has not ended within {LOCK_SECONDS:g} s. Try again when it has."
        ) from None
    with acquired:
        yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
