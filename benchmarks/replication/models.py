"""Results of all our models: lists for users, similar films, and new films."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.replication.section import Section, Study, cell, heads, ratio_cell
from training.evaluation.result import Evaluation
from training.evaluation.significance import Comparison, compare, holm
from training.models import NAMES

BASELINE = "popularity"
PEOPLE = ("ndcg_at_10", "recall_at_20", "hit_rate_at_10", "rmse", "coverage_at_10", "novelty_at_10")
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
    "thin_films_at_20",
)
LEAST_TIMES_CHANCE = 5.0


def people(study: Study, protocol: str) -> Section:
    """Evaluate the lists for users of every model, against popularity, as a section."""
    return _table(study, protocol, PEOPLE, "ndcg_at_10", "lists for people")


def titles(study: Study) -> Section:
    """Evaluate the similar films of every model, against popularity, as a section."""
    return _table(study, "item2item", TITLES, "weighted_hit_rate_at_10", "films like a film")


def cold(study: Study) -> Section:
    """Evaluate films without training ratings: content and blend against chance and als, as a section."""
    results = study.judge(("popularity", "als", "content", "blend"), "cold")
    section = Section(f"{study.dataset.name}, `cold`: films without a training rating")
    section.say("Hits on held-out films among all films; *chance* is what random lists would hit.")
    section.table(
        ["model", *heads(COLD)], [[name, *(cell(result, m) for m in COLD)] for name, result in results.items()]
    )
    blend, content = results["blend"], results["content"]
    times = blend.metric("hit_rate_at_20").value / blend.metric("chance_hit_rate_at_20").value
    pair = compare(blend, content, "hit_rate_at_20")
    section.say(
        f"blend finds {times:.2f} times what chance does; blend less content: {pair.difference:+.4f} "
        f"[{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}]."
    )
    section.judge(f"{study.dataset.name} cold: hit@20 of blend as a multiple of chance", times, LEAST_TIMES_CHANCE)
    section.judge(f"{study.dataset.name} cold: hit@20 of blend less that of content", pair.difference, 0.0)
    section.judge(
        f"{study.dataset.name} cold: hit@20 of als alone",
        results["als"].metric("hit_rate_at_20").value,
        0.0,
        lower=True,
    )
    return section


def _table(study: Study, protocol: str, metrics: Sequence[str], by: str, what: str) -> Section:
    results = study.judge(NAMES, protocol, trainings=3)
    section = Section(f"{study.dataset.name}, `{protocol}`: {what}")
    compare_all(section, results, metrics, by)
    return section


def compare_all(section: Section, results: dict[str, Evaluation], metrics: Sequence[str], by: str) -> None:
    """Add a table of all models, each compared with the baseline by the metric `by`, with Holm's correction."""
    models = [name for name in results if name != BASELINE]
    corrected = holm([compare(results[name], results[BASELINE], by) for name in models])
    last_columns = {name: _against(pair) for name, pair in zip(models, corrected, strict=True)}
    section.say(
        f"{results[BASELINE].overall['users']:,.0f} people; mean over three training seeds; 95 % bootstrap intervals "
        f"over people. Last columns: ratio of {heads([by])[0]} to {BASELINE}'s with its paired interval, p after "
        "Holm's correction over the table, and the smallest difference it would have seen four times in five."
    )
    section.table(
        ["model", *heads(metrics), f"against {BASELINE}", "p (Holm)", "detectable"],
        [
            [name, *(cell(result, m) for m in metrics), *last_columns.get(name, ["", "", ""])]
            for name, result in results.items()
        ],
    )


def _against(pair: Comparison) -> list[str]:
    return [ratio_cell(pair), f"{pair.p_adjusted:.4f}", f"{pair.smallest_detectable:.4f}"]
