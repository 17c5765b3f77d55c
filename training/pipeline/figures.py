"""Figures that a training run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recommender.files import new_directory
from recommender.model import Model
from training.evaluation import plots
from training.evaluation.result import Evaluation
from training.pipeline.plan import Plan

PEOPLE_METRICS = ("ndcg_at_10", "recall_at_20", "map_at_10", "coverage_at_10")
TITLES_METRICS = ("hit_rate_at_10", "weighted_hit_rate_at_10", "ndcg_at_10", "coverage_at_10")


def draw(plan: Plan, evaluations: Mapping[str, Mapping[str, Evaluation]], directory: Path) -> None:
    """Write the figures that compare the models of one training to `directory`; every run keeps them."""
    people = {name: by_protocol[plan.people.name] for name, by_protocol in evaluations.items()}
    titles = {name: by_protocol[plan.titles.name] for name, by_protocol in evaluations.items()}
    figures = {
        "people_metrics": plots.metric_bars(people, PEOPLE_METRICS),
        "titles_metrics": plots.metric_bars(titles, TITLES_METRICS),
        "people_accuracy_coverage_novelty": plots.accuracy_against(people, "ndcg_at_10"),
        "titles_accuracy_coverage_novelty": plots.accuracy_against(titles, "weighted_hit_rate_at_10"),
        "people_popularity": plots.popularity_shown(people),
        "titles_popularity": plots.popularity_shown(titles),
    }
    if any("calibration" in evaluation.arrays for evaluation in people.values()):
        figures["rating_calibration"] = plots.calibration(people, plan.dataset.feedback)
    with new_directory(directory) as fresh:
        for name, figure in figures.items():
            figure.savefig(fresh / f"{name}.png")


def save_model_figures(bundle: Path, curves: Mapping[str, list[float]], directory: Path) -> None:
    """Write the figures of one model to `directory`: films similar to well-known ones, and any learning curve."""
    model = Model.load(bundle, verify=False)
    plots.nearest_films(model, plots.well_known(model)).savefig(directory / "nearest_films.png")
    if curves:
        plots.learning_curves(curves, model.manifest.algorithm).savefig(directory / "learning_curve.png")
