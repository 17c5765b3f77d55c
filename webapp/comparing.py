"""Choose the model versions and metrics that the Models page compares; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from webapp.registry import CHAMPION, Version

# Metrics that the Models page shows first, in this order, where the protocol has them.
FIRST_LOOK = (
    "ndcg_at_10",
    "recall_at_10",
    "hit_rate_at_10",
    "weighted_hit_rate_at_10",
    "coverage_at_10",
    "novelty_at_10",
)
ACCURACY = ("ndcg_at_10", "rmse")
BEYOND = ("coverage_at_10", "novelty_at_10", "diversity_at_10")
_COUNTS = {"users", "users_without_relevant", "queries"}


def datasets(versions: Sequence[Version]) -> list[str]:
    """Return the names of the data sets that the versions were fitted on, the champion's first.

    Figures of different data sets cannot be compared.
    """
    first = [version.dataset for version in versions if CHAMPION in version.aliases]
    return list(dict.fromkeys([*first, *(version.dataset for version in versions)]))


def worth_comparing(versions: Sequence[Version]) -> list[Version]:
    """Return the champion and the newest version of each algorithm, newest first.

    `versions`: of one data set, newest first.
    """
    newest: dict[str, Version] = {}
    for version in versions:
        newest.setdefault(version.algorithm, version)
    champions = [version for version in versions if CHAMPION in version.aliases]
    chosen = {version.number: version for version in [*newest.values(), *champions]}
    return sorted(chosen.values(), key=lambda version: -version.number)


def protocols(versions: Sequence[Version]) -> list[str]:
    """Return the names of the protocols that any version was evaluated by, the one with most figures first."""
    names = [metric.protocol for version in versions for metric in version.metrics]
    return sorted(set(names), key=lambda name: (-names.count(name), name))


def metric_names(versions: Sequence[Version], protocol: str) -> list[str]:
    """Return the names of the metrics of a protocol, the most useful first; plain counts are left out."""
    names = {metric.name for version in versions for metric in version.metrics if metric.protocol == protocol}
    first = [name for name in FIRST_LOOK if name in names]
    return first + sorted(names - set(first) - _COUNTS)
