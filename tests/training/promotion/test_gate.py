"""The gate's judgement on planted differences: no training, no registry."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from recommender.bundle import Metric
from recommender.errors import UsageError
from training.config import build_config
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare
from training.promotion import gate
from training.promotion.gate import GateRules, Rival, decide, load_rules
from training.promotion.report import markdown, write_report

PEOPLE = 400


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer draws: the planted differences are large."""
    monkeypatch.setattr(gate, "compare", partial(compare, draws=1000))


def evaluation(protocol, gains, people=PEOPLE, seed=0, **figures):
    """Everybody's values around 0.3, paired between models; `gains` shift each metric, `figures` set whole lists'."""
    base = np.random.default_rng(7).beta(2, 4, people)
    noise = np.random.default_rng(seed).normal(0, 0.02, people)
    per_user = {name: base * (1 + gain) + noise for name, gain in gains.items()}
    overall = {"coverage_at_10": 0.5, "rare_lists_at_10": 0.2, "thin_films_at_10": 0.001} | figures
    metrics = [Metric(protocol=protocol, name=name, value=value) for name, value in overall.items()]
    return Evaluation(protocol, "twin", "print", 0, np.arange(people), per_user, overall, metrics)


def evaluations(people_gain=0.0, titles_gain=0.0, *, recall_gain=None, hit_gain=None, seed=0, people=PEOPLE, **figures):
    recall, hit = (gain if own is None else own for own, gain in ((recall_gain, people_gain), (hit_gain, titles_gain)))
    return {
        "people": evaluation(
            "temporal", {"ndcg_at_10": people_gain, "recall_at_20": recall}, people=people, seed=seed, **figures
        ),
        "titles": evaluation(
            "item2item",
            {"weighted_hit_rate_at_10": titles_gain, "hit_rate_at_10": hit},
            people=people,
            seed=seed,
            **figures,
        ),
    }


RULES = load_rules("synthetic")
CHAMPION = Rival("champion", 1, evaluations(seed=1))


def outcome(challenger, rivals=(CHAMPION,)):
    return decide(challenger, rivals, RULES).outcome


def test_a_planted_better_equal_and_worse_challenger():
    assert outcome(evaluations(0.10, 0.10, seed=2)) == "promote"
    assert outcome(evaluations(0.0, 0.0, seed=2)) == "undecided"
    assert outcome(evaluations(-0.10, -0.10, seed=2)) == "refuse"


def test_better_for_people_does_not_pay_for_worse_titles():
    verdict = decide(evaluations(0.10, -0.10, seed=2), [CHAMPION], RULES)
    assert verdict.outcome == "refuse"
    assert "item2item/weighted_hit_rate_at_10" in verdict.summary


def test_every_guarded_metric_counts_and_not_only_the_named_ones():
    assert outcome(evaluations(0.10, 0.10, recall_gain=-0.10, seed=2)) == "refuse"
    assert outcome(evaluations(0.10, 0.10, hit_gain=-0.10, seed=2)) == "refuse"
    assert outcome(evaluations(0.0, 0.0, recall_gain=0.2, hit_gain=0.2, seed=2)) == "undecided"


def test_a_small_loss_within_the_margin_is_no_obstacle():
    assert outcome(evaluations(0.10, -0.01, seed=2)) == "promote"


def test_few_people_cannot_refuse_nor_promote_a_small_difference():
    few = Rival("champion", 1, evaluations(people=25, seed=1))
    for gain in (-0.01, 0.01):
        verdict = decide(evaluations(gain, gain, people=25, seed=2), [few], RULES)
        assert verdict.outcome == "undecided"
        guard = verdict.guards[0]
        assert guard.comparison.smallest_detectable > guard.margin


def test_small_steps_down_do_not_add_up():
    reference = Rival("reference", 1, evaluations(0.0, 0.0, seed=1))
    slipped = Rival("champion", 5, evaluations(-0.05, -0.05, seed=3))
    challenger = evaluations(0.05, -0.06, seed=2)
    assert outcome(challenger, [slipped]) == "promote"
    assert outcome(challenger, [slipped, reference]) == "refuse"


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"coverage_at_10": 0.3}, "temporal/coverage_at_10 0.3000, at least 0.4500"),
        ({"coverage_at_10": 0.1}, "item2item/coverage_at_10 0.1000, at least 0.2000"),
        ({"rare_lists_at_10": 0.05}, "rare_lists_at_10 0.0500, at least 0.1000"),
        ({"thin_films_at_10": 0.1}, "thin_films_at_10 0.1000, at most 0.0200"),
    ],
)
def test_a_better_challenger_that_narrows_what_people_see_is_refused(figures, named):
    verdict = decide(evaluations(0.10, 0.10, seed=2, **figures), [CHAMPION], RULES)
    assert verdict.outcome == "refuse"
    assert named in verdict.summary


def test_against_popularity_only_the_named_metrics_are_guarded():
    popularity = Rival("popularity", 1, evaluations(0.0, 0.0, hit_gain=0.5, seed=1))
    assert outcome(evaluations(0.10, 0.10, seed=2), [popularity]) == "promote"
    assert outcome(evaluations(0.10, -0.20, seed=2), [popularity]) == "refuse"


def test_rules_of_a_data_set_replace_only_what_they_name():
    default, own = load_rules("synthetic"), load_rules("ml-100k")
    assert own.people.margins["ndcg_at_10"] > default.people.margins["ndcg_at_10"]
    assert own.people.better_on == default.people.better_on
    assert own.people.least_coverage == default.people.least_coverage


def test_a_named_metric_without_a_margin_is_a_wrong_configuration():
    raw = RULES.model_dump()
    raw["people"]["better_on"] = ["map_at_10"]
    with pytest.raises(UsageError, match="map_at_10 in better_on or refuse_only has no margin"):
        build_config(raw, GateRules, "gate.yaml")


def test_the_report_shows_every_comparison_and_limit(tmp_path):
    verdict = decide(evaluations(0.10, 0.10, seed=2), [CHAMPION], RULES)
    write_report(verdict, "version 7 (als, twin)", [CHAMPION], tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"report.md", "verdict.json", "differences.png"}
    page = markdown(verdict, "version 7 (als, twin)", [CHAMPION])
    assert page.startswith("# promote: version 7 (als, twin)")
    for metric in ("temporal/ndcg_at_10", "temporal/recall_at_20", "item2item/hit_rate_at_10"):
        assert f"| champion | {metric} |" in page
    assert "| temporal/coverage_at_10 | 0.5000 | at least 0.4500 | yes |" in page
    lacking = replace(verdict, notes=["Not compared with the reference."])
    assert "Not compared with the reference." in markdown(lacking, "version 7", [CHAMPION])


def test_without_a_champion_films_with_few_ratings_are_no_obstacle_on_data_of_ones_own():
    """Popularity shows none of them, so its share is no yardstick; the first champion's is one for those after it."""
    popularity = Rival("popularity", 1, evaluations(-0.5, -0.5, seed=1, thin_films_at_10=0.0))
    first = evaluations(seed=2, thin_films_at_10=0.14)
    assert decide(first, [popularity], load_rules("books")).outcome == "promote"
    assert decide(first, [popularity], load_rules("ml-25m")).outcome == "refuse"
    champion = Rival("champion", 2, first)
    better = {"people_gain": 0.3, "titles_gain": 0.3, "seed": 3}
    assert decide(evaluations(**better, thin_films_at_10=0.14), [champion], load_rules("books")).outcome == "promote"
    assert decide(evaluations(**better, thin_films_at_10=0.2), [champion], load_rules("books")).outcome == "refuse"
