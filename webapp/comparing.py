"""Which model versions and figures are worth looking at together; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from webapp.registry import CHAMPION, Version

# What a first look should show, in this order, as far as a protocol has it.
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
    """The data sets that versions were fitted on, the champion's first; figures of two do not compare."""
    first = [version.dataset for version in versions if CHAMPION in version.aliases]
    return list(dict.fromkeys([*first, *(version.dataset for version in versions)]))


def worth_comparing(versions: Sequence[Version]) -> list[Version]:
    """The champion and the newest version of every algorithm; `versions`: of one data set, newest first."""
    newest: dict[str, Version] = {}
    for version in versions:
        newest.setdefault(version.algorithm, version)
    champions = [version for version in versions if CHAMPION in version.aliases]
    chosen = {version.number: version for version in [*newest.values(), *champions]}
    return sorted(chosen.values(), key=lambda version: -version.number)


def protocols(versions: Sequence[Version]) -> list[str]:
    """The protocols that any version was judged on, the one with most figures first."""
    names = [metric.protocol for version in versions for metric in version.metrics]
    return sorted(set(names), key=lambda name: (-names.count(name), name))


def metric_names(versions: Sequence[Version], protocol: str) -> list[str]:
    """The metrics of a protocol, those of a first look first; plain counts are left out."""
    found = {metric.name for version in versions for metric in version.metrics if metric.protocol == protocol}
    first = [name for name in FIRST_LOOK if name in found]
    return first + sorted(found - set(first) - _COUNTS)
