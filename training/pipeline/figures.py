"""Which figures a training run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from recommender.files import new_directory
from recommender.model import Model
from training.evaluation import plots
from training.evaluation.result import Evaluation
from training.pipeline.plan import Plan

PEOPLE_METRICS = ("ndcg_at_10", "recall_at_20", "map_at_10", "coverage_at_10")
TITLES_METRICS = ("hit_rate_at_10", "weighted_hit_rate_at_10", "ndcg_at_10", "coverage_at_10")


def draw(plan: Plan, evaluations: Mapping[str, Mapping[str, Evaluation]], directory: Path) -> None:
    """Write the figures that compare the models of one training to `directory`; they are in the run of each."""
    people = {name: each[plan.people.name] for name, each in evaluations.items()}
    titles = {name: each[plan.titles.name] for name, each in evaluations.items()}
    figures = {
        "people_metrics": plots.metric_bars(people, PEOPLE_METRICS),
        "titles_metrics": plots.metric_bars(titles, TITLES_METRICS),
        "people_accuracy_coverage_novelty": plots.accuracy_against(people, "ndcg_at_10"),
        "titles_accuracy_coverage_novelty": plots.accuracy_against(titles, "weighted_hit_rate_at_10"),
        "people_popularity": plots.popularity_shown(people),
        "titles_popularity": plots.popularity_shown(titles),
    }
    if any("calibration" in each.arrays for each in people.values()):
        figures["rating_calibration"] = plots.calibration(people)
    with new_directory(directory) as fresh:
        for name, figure in figures.items():
            figure.savefig(fresh / f"{name}.png")


def own_figures(bundle: Path, curves: Mapping[str, list[float]]) -> dict[str, Figure]:
    """Figures of one model: films like well-known ones, and its learning curve where it has one."""
    model = Model.load(bundle, verify=False)
    figures = {"nearest_films": plots.nearest_films(model, plots.well_known(model))}
    if curves:
        figures["learning_curve"] = plots.learning_curves(curves, model.manifest.algorithm)
    return figures
