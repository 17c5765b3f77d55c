"""The evidence for a promotion, read from the registry: a challenger's evaluations and its rivals."""

from __future__ import annotations

from recommender.errors import MissingInputError
from training.evaluation.result import Evaluation
from training.promotion.gate import ROLES, EvaluationByRole, Judge, Rival, RivalRole
from training.registry import CHAMPION, REFERENCE, Tracker, Version

# What two versions must have in common so that their metrics can be compared.
_COMPARABLE = ("data_fingerprint", "judging_key")


class IncomparableError(MissingInputError):
    """The registry lacks an evaluation or a rival that the comparison needs."""


def read_evaluations(tracker: Tracker, version: Version) -> EvaluationByRole:
    """Read the evaluations of a version's two scorers from its run, and any of users who come back.

    Raises IncomparableError where a scorer has none.
    """
    evaluations: dict[Judge, Evaluation] = {}
    for role in ROLES:
        protocol = version.tags.get(f"{role}_protocol")
        if protocol is None:
            raise IncomparableError(f"Version {version.number} was registered without an evaluation.")
        evaluations[role] = tracker.evaluation(version.run_id, protocol)
    if protocol := version.tags.get("returns_protocol"):
        evaluations["returns"] = tracker.evaluation(version.run_id, protocol)
    return evaluations


def find_rivals(tracker: Tracker, challenger: Version) -> tuple[list[Rival], str]:
    """Return the versions that a challenger is compared with, and a note on a reference that could not be compared.

    It must be better than the first rival and not worse than the others. Rivals are the champion and the fixed
    reference; popularity where there is no champion, or where the challenger is the champion's own configuration on
    newer data. On newer data a version of the champion's configuration that was trained on them represents it. Raises
    IncomparableError.
    """
    champion, reference = tracker.aliased(CHAMPION), tracker.aliased(REFERENCE)
    if champion is None:
        return [_rival(tracker, "popularity", _baseline(tracker, challenger), challenger)], ""
    dataset, champion_dataset = challenger.tags.get("dataset"), champion.tags.get("dataset")
    if dataset != champion_dataset:
        raise IncomparableError(
            f"Version {challenger.number} was trained on {dataset}, champion {champion.number} on {champion_dataset}: "
            "their figures cannot be compared."
        )
    tags = ("configuration", "data_fingerprint")
    same_configuration, same_data = (challenger.tags.get(tag) == champion.tags.get(tag) for tag in tags)
    if same_configuration and not same_data:
        return [_rival(tracker, "popularity", _baseline(tracker, challenger), challenger)], ""
    champion_now = _on_same_data(tracker, champion, challenger)
    if champion_now is None:
        raise IncomparableError(
            f"Champion {champion.number} was trained on other data or judged in another way, and no version of its "
            f"configuration like version {challenger.number}. Run `movierec train all` first."
        )
    rivals = [_rival(tracker, "champion", champion_now, challenger)]
    if reference is None:
        return rivals, ""
    reference_now = _on_same_data(tracker, reference, challenger)
    if reference_now is None:
        return rivals, (
            f"Not compared with the reference: version {reference.number} was trained on other data or judged in "
            f"another way, and no version of its configuration like version {challenger.number}."
        )
    if reference_now.number not in (champion_now.number, challenger.number):
        rivals.append(_rival(tracker, "reference", reference_now, challenger))
    return rivals, ""


def _rival(tracker: Tracker, role: RivalRole, version: Version, challenger: Version) -> Rival:
    evaluations = read_evaluations(tracker, version)
    if version.tags.get("returns_key") != challenger.tags.get("returns_key"):  # tested in another way
        evaluations = {judge: evaluation for judge, evaluation in evaluations.items() if judge != "returns"}
    return Rival(role, version.number, evaluations)


def _on_same_data(tracker: Tracker, version: Version, challenger: Version) -> Version | None:
    """Return the version, or the newest of its configuration, that was trained and judged like the challenger."""
    if all(version.tags.get(tag) == challenger.tags.get(tag) for tag in _COMPARABLE):
        return version
    return _newest_comparable(tracker, challenger, "configuration", version.tags.get("configuration"))


def _newest_comparable(tracker: Tracker, challenger: Version, tag: str, value: str | None) -> Version | None:
    """Return the newest version with `value` in `tag` that was trained and judged like the challenger."""
    required = {tag: value} | {name: challenger.tags.get(name) for name in _COMPARABLE}
    return next((version for version in tracker.versions() if required.items() <= version.tags.items()), None)


def _baseline(tracker: Tracker, challenger: Version) -> Version:
    popularity = _newest_comparable(tracker, challenger, "algorithm", "popularity")
    if popularity is None:
        raise IncomparableError(
            f"Version {challenger.number} must beat popularity, and popularity was not trained on the same data. "
            f"Run `movierec train popularity --dataset {challenger.tags['dataset']}` first."
        )
    return popularity
