"""Choose the model versions and figures that the Models page compares, and read the gate's verdicts; pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from math import hypot
from typing import Any, NamedTuple
from urllib.parse import quote

from client.answers import Metric, RegisteredVersion
from client.client import CHAMPION
from webapp.wording import PROTOCOLS, figure_title

# Metrics that the Models page shows first, in this order, where the protocol has them.
FIRST_LOOK = (
    "ndcg_at_10", "recall_at_10", "hit_rate_at_10", "weighted_hit_rate_at_10", "coverage_at_10", "novelty_at_10",
)  # fmt: skip
ACCURACY = ("ndcg_at_10", "rmse")
BEYOND = ("coverage_at_10", "novelty_at_10", "diversity_at_10")
LOWER_IS_BETTER = {"rmse", "mae", "gini", "disliked_share", "thin_films"}
_COUNTS = {"users", "users_without_relevant", "queries"}
_FIGURE = re.compile(r"\b([a-z][\w-]*)/([a-z]\w*)\b")
_PAIR = re.compile(
    r"(?P<claim>[^:]+): (?P<figure>\S+/\S+) (?P<ours>-?[\d.]+) against (?P<theirs>-?[\d.]+), "
    r"difference (?P<difference>[-+][\d.]+) \[(?P<lo>[-+][\d.]+), (?P<hi>[-+][\d.]+)\]"
)
_LIMIT = re.compile(r"(?P<figure>\S+/\S+) (?P<ours>-?[\d.]+), (?P<bound>at (?:least|most) [\d.]+)")

_RETURNS = re.compile(
    r"(?P<figure>\S+/\S+) (?P<ours>[\d.]+) against (?P<rival>.+)'s (?P<theirs>[\d.]+), "
    r"ratio (?P<ratio>[\d.]+) \[(?P<lo>[\d.]+), (?P<hi>[\d.]+)\], "
    r"(?P<people>[\d,]+) people who come back, .*: it (?P<use>.+)"
)


Measured = tuple[RegisteredVersion, Metric]


class Difference(NamedTuple):
    """A version's figure less the champion's, with its 95 % interval; none where either has no interval."""

    value: float
    lo: float | None
    hi: float | None

    @property
    def is_beyond_chance(self) -> bool:
        """Return whether the interval leaves zero out."""
        return self.lo is not None and self.hi is not None and not self.lo <= 0 <= self.hi


class Evidence(NamedTuple):
    """The gate's verdict on a version: comparisons as table rows, and the remaining sentences."""

    rows: list[dict[str, str]]
    notes: list[str]
    protocols: list[str]  # by which it judged, in its order


def label(version: RegisteredVersion) -> str:
    """Return number and algorithm, as charts and lists name a version."""
    return f"{version.version} · {version.algorithm}"


def champion_of(versions: Sequence[RegisteredVersion]) -> RegisteredVersion | None:
    """Return the champion among the versions, or None."""
    return next((version for version in versions if CHAMPION in version.aliases), None)


def datasets(versions: Sequence[RegisteredVersion]) -> list[str]:
    """Return the names of the data sets that the versions were fitted on, the champion's first.

    Figures of different data sets cannot be compared.
    """
    first = [version.dataset for version in versions if CHAMPION in version.aliases]
    return list(dict.fromkeys([*first, *(version.dataset for version in versions)]))


def worth_comparing(versions: Sequence[RegisteredVersion]) -> list[RegisteredVersion]:
    """Return the champion and the newest version of each algorithm that has figures, newest first.

    `versions`: of one data set, newest first.
    """
    measured = [version for version in versions if version.figures]
    newest: dict[str, RegisteredVersion] = {}
    for version in measured:
        newest.setdefault(version.algorithm, version)
    chosen = {version.version for version in newest.values()}
    return [version for version in measured if version.version in chosen or CHAMPION in version.aliases]


def protocols(versions: Sequence[RegisteredVersion]) -> list[str]:
    """Return the protocols that any version was judged by: those of the champion's promotion first.

    The others follow in the order of `wording.PROTOCOLS`.
    """
    names = {metric.protocol for version in versions for metric in version.figures or ()}
    champion = champion_of(versions)
    decisive = evidence(champion.verdict_summary or "").protocols if champion else []
    order = list(dict.fromkeys([*decisive, *PROTOCOLS, *sorted(names)]))
    return [name for name in order if name in names]


def metric_names(versions: Sequence[RegisteredVersion], protocol: str) -> list[str]:
    """Return the names of the metrics of a protocol, the most useful first; plain counts are left out."""
    names = {metric.name for version in versions for metric in version.figures or () if metric.protocol == protocol}
    first = [name for name in FIRST_LOOK if name in names]
    return first + sorted(names - set(first) - _COUNTS)


def figure(version: RegisteredVersion, protocol: str, name: str) -> Metric | None:
    """Return a version's value of a metric by a protocol, or None where it was not measured."""
    return next((m for m in version.figures or () if m.protocol == protocol and m.name == name), None)


def difference(ours: Metric, theirs: Metric) -> Difference:
    """Return one figure less another with the interval that follows from both intervals (MOVER).

    Source: Zou and Donner (2008). It takes the two for independent. Both were measured on the same people, so the true
    interval is narrower where the two agree on who is easy to please.
    """
    value = ours.value - theirs.value
    if ours.lo is None or ours.hi is None or theirs.lo is None or theirs.hi is None:
        return Difference(value, None, None)
    return Difference(
        value,
        value - hypot(ours.value - ours.lo, theirs.hi - theirs.value),
        value + hypot(ours.hi - ours.value, theirs.value - theirs.lo),
    )


SORTS: dict[str, Callable[[Measured], Any]] = {
    "Best first": lambda pair: -pair[1].value if is_more_better(pair[1].name) else pair[1].value,
    "Newest first": lambda pair: -int(pair[0].version),
    "Algorithm": lambda pair: (pair[0].algorithm, -int(pair[0].version)),
}


def leaderboard(
    versions: Sequence[RegisteredVersion], protocol: str, name: str, by: str = "Best first"
) -> list[dict[str, str]]:
    """Return one row for each version that has the figure, with its difference from the champion's; `by`: of SORTS."""
    champion = champion_of(versions)
    base = figure(champion, protocol, name) if champion else None
    measured = [(version, metric) for version in versions if (metric := figure(version, protocol, name))]
    rows = []
    for version, metric in sorted(measured, key=SORTS[by]):
        gap = difference(metric, base) if base and version is not champion else None
        row = {"Version": label(version), "Value": f"{metric.value:.4f}", "From champion": "", "Beyond chance": ""}
        if gap:
            row["From champion"] = f"{gap.value:+.4f}"
        if gap and gap.lo is not None:
            row["From champion"] += f" ({gap.lo:+.4f} to {gap.hi:+.4f})"
            row["Beyond chance"] = "yes" if gap.is_beyond_chance else "no"
        rows.append(row | {"Role": ", ".join(version.aliases)})
    return rows


def is_more_better(name: str) -> bool:
    """Return whether a larger value of the figure is the better one."""
    return name.partition("_at_")[0] not in LOWER_IS_BETTER


def evidence(summary: str) -> Evidence:
    """Return the gate's one-line verdict as rows of comparisons, sentences, and the protocols that it names."""
    rows, notes = [], []
    for clause in filter(None, re.split(r";\s+", summary.partition(": ")[2])):
        if pair := _PAIR.search(clause):
            gap = f"{pair['difference']} ({pair['lo']} to {pair['hi']})"
            rows.append(_row(pair, pair["claim"].strip().capitalize(), pair["theirs"], gap))
        elif returns := _RETURNS.fullmatch(clause):
            is_blind = returns["use"].startswith("decides nothing")
            use = "Decides nothing: too few people to see a loss" if is_blind else "Decides"
            bounds, people = f"({returns['lo']} to {returns['hi']})", f"{returns['people']} people who came back"
            gap = f"{returns['ratio']} times {bounds}, {people}"
            rows.append(_row(returns, use, f"{returns['theirs']} ({returns['rival']})", gap))
        elif limit := _LIMIT.fullmatch(clause):
            rows.append(_row(limit, "Outside its limit", limit["bound"]))
        else:
            text = _FIGURE.sub(lambda match: figure_title(*match.groups()), clause)
            text = text.replace("is not guarded", "was not compared")
            is_word = text.partition(" ")[0].isalpha()  # and no name, such as nDCG@10 or latest20
            notes.append(text[:1].upper() + text[1:] if is_word else text)
    return Evidence(rows, notes, list(dict.fromkeys(match[1] for match in _FIGURE.finditer(summary))))


def _row(match: re.Match[str], claim: str, theirs: str, gap: str = "") -> dict[str, str]:
    return {
        "Figure": figure_title(*match["figure"].split("/")),
        "Found": claim,
        "This version": match["ours"],
        "Compared with": theirs,
        "Difference": gap,
    }


def compare_link(mlflow_url: str, versions: Sequence[RegisteredVersion]) -> str | None:
    """Return the address of MLflow's comparison of exactly the runs of these versions; None for fewer than two."""
    runs = [version.run_id for version in versions if version.run_id and version.experiment_id]
    experiments = sorted({version.experiment_id for version in versions if version.run_id and version.experiment_id})
    if len(runs) < 2:
        return None
    return f"{mlflow_url}/#/compare-runs?runs={quote(json.dumps(runs))}&experiments={quote(json.dumps(experiments))}"
