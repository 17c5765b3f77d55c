"""What the registry knows about a challenger and those it has to be compared with."""

from __future__ import annotations

from recommender.errors import MissingInputError
from training.evaluation.result import Evaluation
from training.promotion.gate import ROLES, Evaluations, Rival, RivalRole, Role
from training.registry import CHAMPION, REFERENCE, Tracker, Version
from training.registry.evaluations import read_evaluation


class IncomparableError(MissingInputError):
    """There is no evidence on which a challenger could be judged."""


def evaluations(tracker: Tracker, version: Version) -> Evaluations:
    """How the version's two scorers were judged. Raises IncomparableError."""
    found: dict[Role, Evaluation] = {}
    for role in ROLES:
        protocol = version.tags.get(f"{role}_protocol")
        if protocol is None:
            raise IncomparableError(f"Version {version.number} was registered without an evaluation.")
        found[role] = read_evaluation(tracker, version.run_id, protocol)
    return found


def rivals(tracker: Tracker, challenger: Version) -> tuple[list[Rival], str]:
    """Whom the challenger must be better than, and then whom it must not be worse than; and who could not be compared.

    The champion and the fixed reference; popularity where there is no champion, or where the challenger is the
    champion's own configuration on newer data. On newer data the champion is represented by a version of its
    configuration that was trained on them. Raises IncomparableError.
    """
    champion, reference = tracker.aliased(CHAMPION), tracker.aliased(REFERENCE)
    if champion is None:
        return [_rival(tracker, "popularity", _baseline(tracker, challenger))], ""
    _require_same_dataset(challenger, champion)
    if _is_refresh(challenger, champion):
        return [_rival(tracker, "popularity", _baseline(tracker, challenger))], ""
    present = _on_same_data(tracker, champion, challenger)
    if present is None:
        raise IncomparableError(
            f"Champion {champion.number} was trained on other data or judged in another way, and no version of its "
            f"configuration like version {challenger.number}. Run `movierec train all` first."
        )
    found = [_rival(tracker, "champion", present)]
    if reference is None:
        return found, ""
    fixed = _on_same_data(tracker, reference, challenger)
    if fixed is None:
        return found, (
            f"Not compared with the reference: version {reference.number} was trained on other data or judged in "
            f"another way, and no version of its configuration like version {challenger.number}."
        )
    if fixed.number not in (present.number, challenger.number):
        found.append(_rival(tracker, "reference", fixed))
    return found, ""


def _rival(tracker: Tracker, role: RivalRole, version: Version) -> Rival:
    return Rival(role, version.number, evaluations(tracker, version))


def _require_same_dataset(challenger: Version, champion: Version) -> None:
    ours, theirs = challenger.tags.get("dataset"), champion.tags.get("dataset")
    if ours != theirs:
        raise IncomparableError(
            f"Version {challenger.number} was trained on {ours}, champion {champion.number} on {theirs}: their figures "
            "cannot be compared."
        )


def _is_refresh(challenger: Version, champion: Version) -> bool:
    """Whether only the data differ."""
    mine, theirs = challenger.tags, champion.tags
    same = mine.get("configuration") == theirs.get("configuration")
    return same and mine.get("data_fingerprint") != theirs.get("data_fingerprint")


def _on_same_data(tracker: Tracker, version: Version, challenger: Version) -> Version | None:
    """`version`, or the newest of its configuration, judged as the challenger was; None where there is none."""
    same = ("data_fingerprint", "judging_key")
    wanted = {"configuration": version.tags.get("configuration")} | {key: challenger.tags.get(key) for key in same}
    if all(version.tags.get(key) == value for key, value in wanted.items()):
        return version
    candidates = (each for each in tracker.versions() if wanted.items() <= each.tags.items())
    return next(candidates, None)


def _baseline(tracker: Tracker, challenger: Version) -> Version:
    wanted = {"algorithm": "popularity"} | {
        key: challenger.tags.get(key, "") for key in ("data_fingerprint", "judging_key")
    }
    found = next((version for version in tracker.versions() if wanted.items() <= version.tags.items()), None)
    if found is None:
        raise IncomparableError(
            f"Version {challenger.number} must beat popularity, and popularity was not trained on the same data. "
            "Run `movierec train popularity` first."
        )
    return found
