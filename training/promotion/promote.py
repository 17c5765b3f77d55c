"""Which version is served: promotion on evidence, its history, and the way back.

The alias `champion` is what serving follows. Every change is an event in the tags of the registered model
(`promotion.000001`, ...), written under a lock: of two promotions at once the second finds another champion than the
one that its evidence was about, and loses. The alias `reference` stays with the first champion, so that small steps
down cannot add up; `challenger` names the last version that the gate left undecided.
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
from training.promotion.evidence import IncomparableError, evaluations, rivals
from training.promotion.gate import Rival, Verdict, judge, load_rules
from training.promotion.report import write_report
from training.registry import CHALLENGER, CHAMPION, REFERENCE, Tracker, Version

Kind = Literal["promote", "rollback", "lost"]
LOCK_SECONDS = 30.0
_EVENT = "promotion."
_TAG_LENGTH = 5000  # MLflow's limit


@dataclass(frozen=True)
class Event:
    """One line of the history."""

    kind: Kind
    version: int
    before: int | None  # the champion until then
    at: str  # ISO 8601, UTC
    verdict: str
    reason: str = ""


def promote(
    number: int,
    *,
    force: bool = False,
    reason: str = "",
    accept_undecided: bool = False,
    tracker: Tracker | None = None,
) -> Verdict:
    """Let the gate judge a version, and make it the champion if the gate allows.

    `force` promotes whatever the gate says of the figures and needs a `reason`; `accept_undecided` promotes an
    undecided challenger. The verdict is kept either way, as tags of the version and as a report in its run. A bundle
    that is broken is never promoted. Raises GateRefusedError, LostRaceError, MissingInputError, UsageError.
    """
    if force and not reason:
        raise UsageError("--force needs --reason TEXT: it is kept with the version.")
    tracker = tracker or Tracker.existing()
    version, champion = tracker.version(number), tracker.aliased(CHAMPION)
    if champion and champion.number == number:
        raise UsageError(f"Version {number} is the champion already.")
    check_bundle(tracker, version, champion)
    verdict = _judged(tracker, version)
    name = _named(verdict, force, accept_undecided)
    tags = {"verdict": name, "verdict_summary": verdict.summary, "verdict_reason": reason, "verdict_at": _now()}
    tracker.tag_version(number, {key: value[:_TAG_LENGTH] for key, value in tags.items()})
    if name in ("refuse", "undecided"):
        if name == "undecided":
            tracker.set_alias(CHALLENGER, number)
        raise GateRefusedError(f"Version {number} was not promoted. {verdict.summary}")
    expected = champion.number if champion else None
    move_champion(tracker, "promote", number, expected=expected, verdict=name, reason=reason)
    return verdict


def rollback(*, tracker: Tracker | None = None) -> int:
    """Make the champion before the present one champion again; its number.

    Raises MissingInputError, LostRaceError, BundleError.
    """
    tracker = tracker or Tracker.existing()
    champion = tracker.aliased(CHAMPION)
    present = champion.number if champion else None
    line = champions(history(tracker))
    if line and line[-1] == present:
        line.pop()
    if not line:
        raise MissingInputError("No earlier champion to go back to. Promote a version: movierec promote --version N.")
    target = tracker.version(line[-1])
    check_bundle(tracker, target, None)
    move_champion(tracker, "rollback", target.number, expected=present, verdict=target.tags.get("verdict", ""))
    return target.number


def history(tracker: Tracker) -> list[Event]:
    """Every change of the champion, oldest first, from the registry alone."""
    tags = tracker.model_tags()
    return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_EVENT)]


def champions(events: list[Event]) -> list[int]:
    """The champions that rollback would return to, the present one last."""
    line: list[int] = []
    for event in events:
        if event.kind == "promote":
            line.append(event.version)
        elif event.kind == "rollback":
            last = len(line) - line[::-1].index(event.version)  # a version may have been champion more than once
            line = line[:last]
    return line


def move_champion(
    tracker: Tracker, kind: Kind, number: int, *, expected: int | None, verdict: str, reason: str = ""
) -> None:
    """Point the alias at `number` if it still points at `expected`, and write history. Raises LostRaceError."""
    with lock(tracker):
        before = _champion(tracker)
        if before != expected:
            _write(tracker, Event("lost", number, before, _now(), verdict, reason))
            raise LostRaceError(
                f"Version {number} was compared with champion {expected or 'none'}, but meanwhile version "
                f"{before or 'none'} became champion. Compare again: movierec promote --version {number}."
            )
        tracker.set_alias(CHAMPION, number)
        if _champion(tracker) != number:
            raise LostRaceError(f"Version {number} was made champion, but another machine changed that at once.")
        _write(tracker, Event(kind, number, before, _now(), verdict, reason))
        _move_others(tracker, number)


def check_bundle(tracker: Tracker, version: Version, champion: Version | None) -> None:
    """Pass the smoke gate with the version's own artifact. Raises BundleError, GateRefusedError.

    A catalogue that has lost half of the champion's films is a broken one.
    """
    same_data = champion is not None and champion.tags.get("dataset") == version.tags.get("dataset")
    films = int(champion.tags.get("films", 0)) // 2 if champion and same_data else 0
    with tempfile.TemporaryDirectory() as scratch:
        bundle = tracker.bundle(version.number, Path(scratch))
        smoke.check(bundle, dataset=version.tags.get("dataset"), minimum_movies=films)


def _judged(tracker: Tracker, version: Version) -> Verdict:
    """The gate's verdict, with its report kept in the version's run."""
    met: list[Rival] = []
    try:
        met, missing = rivals(tracker, version)
        verdict = judge(evaluations(tracker, version), met, load_rules(version.tags["dataset"]))
        verdict = replace(verdict, missing=missing)
    except IncomparableError as error:
        verdict = Verdict("refuse", [str(error)])
    title = f"version {version.number} ({version.algorithm}, {version.tags.get('dataset')})"
    folder = f"promotion/{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with tempfile.TemporaryDirectory() as scratch:
        for file in write_report(verdict, title, met, Path(scratch)):
            tracker.log_file(version.run_id, file, folder)
    return verdict


def _named(verdict: Verdict, force: bool, accept_undecided: bool) -> str:
    if verdict.outcome == "promote":
        return "promote"
    if force:
        return "forced"
    return "accepted" if verdict.outcome == "undecided" and accept_undecided else verdict.outcome


def _move_others(tracker: Tracker, number: int) -> None:
    """A champion is no challenger any more; the first champion of a data set is its reference."""
    challenger, reference = tracker.aliased(CHALLENGER), tracker.aliased(REFERENCE)
    if challenger and challenger.number == number:
        tracker.delete_alias(CHALLENGER)
    if reference is None or reference.tags.get("dataset") != tracker.version(number).tags.get("dataset"):
        tracker.set_alias(REFERENCE, number)


def _champion(tracker: Tracker) -> int | None:
    found = tracker.aliased(CHAMPION)
    return found.number if found else None


def _write(tracker: Tracker, event: Event) -> None:
    number = sum(key.startswith(_EVENT) for key in tracker.model_tags()) + 1
    tracker.tag_model(f"{_EVENT}{number:06d}", json.dumps(asdict(event)))


@contextmanager
def lock(tracker: Tracker) -> Iterator[None]:
    """One change at a time among the processes of this machine, however each of them spells the store's address.

    Raises LostRaceError where another one does not end.
    """
    if tracker.file:
        path = tracker.file.resolve().with_name(f".{tracker.file.name}.promotion.lock")
    else:
        path = Path(tempfile.gettempdir()) / f"movierec-{hashlib.sha256(tracker.uri.encode()).hexdigest()[:16]}.lock"
    try:
        held = FileLock(path).acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise LostRaceError(
            f"Another promotion or rollback has not ended within {LOCK_SECONDS:g} s. Try again when it has."
        ) from None
    with held:
        yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
