"""Which version is served: promotion on evidence, its history, and the way back.

The alias `champion` is what serving follows. Every change is an event in the tags of the registered model
(`promotion.000001`, ...), written under a lock: of two promotions at once the second finds another champion than the
one that its evidence was about, and loses. The alias `challenger` names the last version that the gate left undecided.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock

from recommender.errors import GateRefusedError, LostRaceError, MissingInputError, UsageError
from training.evaluation.significance import compare
from training.gate import Outcome, Verdict
from training.recording import load_version_evaluation
from training.tracking import CHALLENGER, CHAMPION, Tracker, Version

Kind = Literal["promote", "rollback", "lost"]
LOCK_SECONDS = 30.0
METRIC = "ndcg_at_10"


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

    `force` promotes whatever the gate says and needs a `reason`; `accept_undecided` promotes an undecided challenger.
    The verdict is kept either way. Raises GateRefusedError, LostRaceError, MissingInputError.
    """
    if force and not reason:
        raise UsageError("--force needs --reason TEXT: it is kept with the version.")
    tracker = tracker or Tracker.existing()
    version, champion = tracker.version(number), tracker.aliased(CHAMPION)
    verdict = judge(tracker, version, champion)
    name = _named(verdict, force, accept_undecided)
    tracker.tag_version(number, {"verdict": name, "verdict_summary": verdict.summary[:5000]})
    if name in ("refuse", "undecided"):
        tracker.set_alias(CHALLENGER, number)
        raise GateRefusedError(f"Version {number} was not promoted. {verdict.summary}")
    move_champion(
        tracker, "promote", number, expected=champion.number if champion else None, verdict=name, reason=reason
    )
    return verdict


def rollback(*, tracker: Tracker | None = None) -> int:
    """Make the champion before the present one champion again; its number. Raises MissingInputError, LostRaceError."""
    tracker = tracker or Tracker.existing()
    champion = tracker.aliased(CHAMPION)
    present = champion.number if champion else None
    line = champions(history(tracker))
    if line and line[-1] == present:
        line.pop()
    if not line:
        raise MissingInputError("No earlier champion to go back to. Promote a version: movierec promote --version N.")
    move_champion(tracker, "rollback", line[-1], expected=present, verdict=tracker.version(line[-1]).tags["verdict"])
    return line[-1]


def history(tracker: Tracker) -> list[Event]:
    """Every change of the champion, oldest first."""
    tags = tracker.model_tags()
    return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_EVENT)]


def champions(events: list[Event]) -> list[int]:
    """The champions that rollback would return to, the present one last."""
    line: list[int] = []
    for event in events:
        if event.kind == "promote":
            line.append(event.version)
        elif event.kind == "rollback":
            line = line[: line.index(event.version) + 1]
    return line


def move_champion(
    tracker: Tracker, kind: Kind, number: int, *, expected: int | None, verdict: str, reason: str = ""
) -> None:
    """Point the alias at `number` if it still points at `expected`, and write history. Raises LostRaceError."""
    with _lock(tracker):
        present = tracker.aliased(CHAMPION)
        before = present.number if present else None
        if before != expected:
            _write(tracker, Event("lost", number, before, _now(), verdict, reason))
            raise LostRaceError(
                f"Version {number} was compared with champion {expected or 'none'}, but meanwhile version "
                f"{before or 'none'} became champion. Compare again: movierec promote --version {number}."
            )
        tracker.set_alias(CHAMPION, number)
        found = tracker.aliased(CHAMPION)
        if found is None or found.number != number:
            raise LostRaceError(f"Version {number} was made champion, but another machine changed that at once.")
        _write(tracker, Event(kind, number, before, _now(), verdict, reason))


_EVENT = "promotion."


def _write(tracker: Tracker, event: Event) -> None:
    number = sum(key.startswith(_EVENT) for key in tracker.model_tags()) + 1
    tracker.tag_model(f"{_EVENT}{number:06d}", json.dumps(asdict(event)))


@contextmanager
def _lock(tracker: Tracker) -> Iterator[None]:
    """One change at a time among the processes of this machine."""
    name = hashlib.sha256(tracker.uri.encode()).hexdigest()[:16]
    directory = tracker.file.parent if tracker.file else Path(tempfile.gettempdir())
    with FileLock(directory / f".promotion-{name}.lock", timeout=LOCK_SECONDS):
        yield


def _named(verdict: Verdict, force: bool, accept_undecided: bool) -> str:
    if verdict.outcome == "promote":
        return "promote"
    if force:
        return "forced"
    return "accepted" if verdict.outcome == "undecided" and accept_undecided else verdict.outcome


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def judge(tracker: Tracker, challenger: Version, champion: Version | None) -> Verdict:
    """The gate's verdict: better for people than the champion, or where there is none than popularity."""
    rival = champion or _baseline(tracker, challenger)
    protocol = challenger.tags["people_protocol"]
    ours, theirs = (load_version_evaluation(tracker, version, protocol) for version in (challenger, rival))
    found = compare(ours, theirs, METRIC)
    outcome: Outcome = "promote" if found.significant and found.gain > 0 else "refuse"
    reason = (
        f"{protocol}/{METRIC} {found.a:.4f} against {found.b:.4f} of {rival.algorithm} (version {rival.number}), "
        f"difference {found.difference:+.4f} [{found.difference_lo:+.4f}, {found.difference_hi:+.4f}]"
    )
    return Verdict(outcome, [reason])


def _baseline(tracker: Tracker, challenger: Version) -> Version:
    wanted = {"algorithm": "popularity", "data_fingerprint": challenger.tags["data_fingerprint"]}.items()
    found = next((version for version in tracker.versions() if wanted <= version.tags.items()), None)
    if found is None:
        raise MissingInputError(
            "There is no champion, so the challenger must beat popularity, and no version of popularity was trained on "
            "the same data. Run `movierec train popularity` first."
        )
    return found
