"""Results of all our models: lists for users, similar films, and new films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.replication.section import Section, Study, cell, difference_cell, heads, ratio_cell
from training.evaluation.result import Evaluation
from training.evaluation.returns import by_gap
from training.evaluation.significance import Comparison, against_first, compare
from training.models import NAMES
from training.splits.cut import splits

BASELINE = "popularity"
PEOPLE = (
    "ndcg_at_10",
    "recall_at_20",
    "hit_rate_at_10",
    "rmse",
    "disliked_share_at_10",
    "rated_shown_at_10",
    "coverage_at_10",
    "novelty_at_10",
)
TITLES = (
    "weighted_hit_rate_at_10",
    "hit_rate_at_10",
    "masked_hit_rate_at_10",
    "ndcg_at_10",
    "coverage_at_10",
    "thin_films_at_10",
)
COLD = (
    "hit_rate_at_20",
    "chance_hit_rate_at_20",
    "masked_hit_rate_at_20",
    "masked_chance_hit_rate_at_20",
    "new_films_at_20",
    "new_films_in_catalogue",
    "thin_films_at_20",
)
COLD_MODELS = ("popularity", "presence", "als", "content", "blend")
LEAST_TIMES_CHANCE = 5.0


def people(study: Study, protocol: str) -> Section:
    """Evaluate the lists for users of every model, against popularity, as a section."""
    section, results = _table(study, protocol, PEOPLE, "ndcg_at_10", "lists for people")
    if protocol == "latest20":
        _by_gap(section, study, results)
    return section


def titles(study: Study) -> Section:
    """Evaluate the similar films of every model, against popularity, as a section."""
    return _table(study, "item2item", TITLES, "weighted_hit_rate_at_10", "films like a film")[0]


def cold(study: Study, protocol: str = "cold") -> Section:
    """Evaluate films without training ratings: content and blend against chance, presence and als, as a section."""
    results = study.judge(COLD_MODELS, protocol)
    section = Section(f"{study.dataset.name}, `{protocol}`: films without a training rating")
    section.say(
        "Hits on held-out films among all films; *chance* is what random lists would hit, *presence* knows which "
        "blocks of features a film has and no more."
    )
    section.table(
        ["model", *heads(COLD)], [[name, *(cell(result, m) for m in COLD)] for name, result in results.items()]
    )
    blend, content = results["blend"], results["content"]
    times = blend.metric("hit_rate_at_20").value / blend.metric("chance_hit_rate_at_20").value
    pair = compare(blend, content, "hit_rate_at_20")
    known = compare(content, results["presence"], "hit_rate_at_20")
    section.say(
        f"blend finds {times:.2f} times what chance does; blend less content: {difference_cell(pair)}; content less "
        f"presence: {difference_cell(known)}."
    )
    section.judge(
        f"{study.dataset.name} {protocol}: hit@20 of blend as a multiple of chance", times, LEAST_TIMES_CHANCE
    )
    section.judge(f"{study.dataset.name} {protocol}: hit@20 of blend less that of content", pair.difference, 0.0)
    section.judge(
        f"{study.dataset.name} {protocol}: hit@20 of als alone",
        results["als"].metric("hit_rate_at_20").value,
        0.0,
        lower=True,
    )
    return section


def _by_gap(section: Section, study: Study, results: dict[str, Evaluation]) -> None:
    """Add a table of nDCG@10 by the time between a person's last training rating and their first test rating."""
    protocol = study.protocol("latest20")
    (split,) = splits(protocol, study.dataset, protocol.seeds[0])
    groups = {name: by_gap(result, study.dataset, split, "ndcg_at_10") for name, result in results.items()}
    section.say("nDCG@10 by the time from the last training rating to the first test rating:")
    section.table(
        ["gap", "people", *groups],
        [
            [of_gap[0].label, str(of_gap[0].users), *(f"{group.mean:.3f}" if group.users else "–" for group in of_gap)]
            for of_gap in zip(*groups.values(), strict=True)
        ],
    )


def _table(
    study: Study, protocol: str, metrics: Sequence[str], by: str, what: str
) -> tuple[Section, dict[str, Evaluation]]:
    results = study.judge(NAMES, protocol, trainings=3)
    section = Section(f"{study.dataset.name}, `{protocol}`: {what}")
    compare_all(section, results, metrics, by)
    return section, results


def compare_all(section: Section, results: dict[str, Evaluation], metrics: Sequence[str], by: str) -> None:
    """Add a table of all models, each compared with the baseline by the metric `by`, with Holm's correction."""
    pairs = against_baseline(results, by)
    section.say(
        f"{np.isfinite(results[BASELINE].per_user[by]).sum():,} people; mean over three training seeds; 95 % bootstrap "
        f"intervals over people. Last columns: ratio of {heads([by])[0]} to {BASELINE}'s with its paired interval, p "
        "after Holm's correction over the table, and the smallest difference it would have seen four times in five."
    )
    section.table(
        ["model", *heads(metrics), f"against {BASELINE}", "p (Holm)", "detectable"],
        [[name, *(cell(result, m) for m in metrics), *_against(pairs.get(name))] for name, result in results.items()],
    )


def against_baseline(results: dict[str, Evaluation], metric: str) -> dict[str, Comparison]:
    """Compare every other model with the baseline, with Holm's correction."""
    return against_first({BASELINE: results[BASELINE], **results}, metric)


def _against(pair: Comparison | None) -> list[str]:
    if pair is None:
        return ["", "", ""]
    return [ratio_cell(pair), f"{pair.p_adjusted:.4f}", f"{pair.smallest_detectable:.4f}"]
