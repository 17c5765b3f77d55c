"""From a processed data set to registered versions, top to bottom: choose, evaluate, refit, compare, register.

Metrics come from fits on the training part of each protocol, scored through a saved and reloaded bundle. What is
registered is refitted on all data with the same configuration and carries those metrics. Every algorithm is fitted once
per training part, however many models are made of it. Finished stages outlive a killed process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from recommender.bundle import BUNDLE, Manifest
from recommender.errors import MovierecError
from recommender.model import Model
from training.bundling.build import build_bundle, compose, describe
from training.datasets.store import ProcessedDataset
from training.evaluation.difference import Agreement, agreement
from training.evaluation.evaluate import combine
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare
from training.models import make
from training.models.base import FittedModel
from training.models.fits import Composite, Fits
from training.pipeline.checkpoints import Workspace, open_workspace
from training.pipeline.code_version import code_digest, git_commit
from training.pipeline.judge import Recipe, fit, parts
from training.pipeline.plan import Plan, make_plan
from training.pipeline.record import Results, Trained, record_all
from training.progress import Progress, prefixed, silent
from training.registry import CHAMPION, Tracker
from training.splits.cut import all_ratings, training_data

COMPOSITE = "recommender"
Evaluations = dict[str, dict[str, Evaluation]]  # algorithm -> protocol -> evaluation


def train(
    what: str,
    dataset: ProcessedDataset,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    tracker: Tracker | None = None,
    progress: Progress = silent,
) -> list[Trained]:
    """Train the algorithm `what`, or `all` of them and last the composite; the registered versions in that order.

    `overrides` are `key=value` for the configuration of a single algorithm. Raises UsageError, DataError.
    """
    plan = make_plan(what, dataset, seed=seed, overrides=overrides)
    tracker = tracker or Tracker()
    with open_workspace(f"{dataset.name}-{plan.key}-{code_digest()}") as workspace:
        recipes = choose_recipes(plan, workspace, progress)
        evaluations = evaluate_recipes(plan, recipes, workspace, progress)
        bundles = refit(plan, recipes, workspace, progress)
        agreements = {name: check_refitted(plan, name, bundles[name], workspace) for name in recipes}
        return record_all(plan, Results(evaluations, bundles, agreements), workspace, tracker, progress)


def current_composite(dataset: ProcessedDataset, *, seed: int = 0, tracker: Tracker | None = None) -> int | None:
    """The newest judged composite of exactly this data, configuration and seed, where there is a champion; or None."""
    tracker = tracker or Tracker()
    if tracker.aliased(CHAMPION) is None:
        return None
    wanted = {"algorithm": COMPOSITE, "training_key": make_plan("all", dataset, seed=seed).key}.items()
    return next((v.number for v in tracker.versions() if wanted <= v.tags.items() and "verdict" in v.tags), None)


def choose_recipes(plan: Plan, workspace: Workspace, progress: Progress) -> dict[str, Recipe]:
    """How each model is made; last the composite, whose lists for people come from the best model on validation."""
    recipes: dict[str, Recipe] = {name: fit(name, config) for name, config in plan.configs.items()}
    if plan.composite:
        chosen = choose_ranking_model(plan, recipes, workspace, progress)
        recipes[COMPOSITE] = partial(_composite, recipes["blend"], recipes[chosen], recipes["svd"])
    return recipes


def choose_ranking_model(plan: Plan, recipes: Mapping[str, Recipe], workspace: Workspace, progress: Progress) -> str:
    """The algorithm with the best lists for people, on a validation part cut from the protocol's training part.

    One that is made of others must be better than the best that is not, beyond chance.
    """
    by, seeds = plan.settings.choose_by, [plan.seed]
    part = next(parts(plan.dataset, plan.people, training_seeds=seeds, progress=progress, validation=True))
    found = {
        name: workspace.stage_evaluation(f"validation/{name}", partial(part.evaluate, recipe))
        for name, recipe in recipes.items()
    }
    ranked = sorted(found, key=lambda name: -found[name].metric(by).value)
    plain = next(name for name in ranked if not isinstance(make(name, plan.configs[name]), Composite))
    return ranked[0] if compare(found[ranked[0]], found[plain], by).difference_lo > 0 else plain


def evaluate_recipes(
    plan: Plan, recipes: Mapping[str, Recipe], workspace: Workspace, progress: Progress
) -> Evaluations:
    """Every model by every protocol, the mean over the training seeds.

    Bundles of the people protocol and the first seed are kept, to compare the refitted ones with.
    """
    results: Evaluations = {name: {} for name in recipes}
    for protocol in plan.protocols:
        trainings: dict[str, list[Evaluation]] = {name: [] for name in recipes}
        for part in parts(plan.dataset, protocol, training_seeds=plan.training_seeds, progress=progress):
            kept = protocol == plan.people and part.seed == plan.seed
            for name, recipe in recipes.items():
                keep = partial(workspace.stage_directory, _evaluated(name)) if kept else None
                stage = partial(part.evaluate, recipe, keep)
                trainings[name].append(workspace.stage_evaluation(f"evaluations/{name}/{part.name}", stage))
        for name in recipes:
            results[name][protocol.name] = combine(trainings[name])
    return results


def refit(plan: Plan, recipes: Mapping[str, Recipe], workspace: Workspace, progress: Progress) -> dict[str, Path]:
    """Every model's bundle fitted on all ratings, with the data set's extras, without metrics as yet."""
    data = training_data(plan.dataset, all_ratings(plan.dataset))
    fits = Fits(data, plan.seed, prefixed("refit", progress))
    extras = cache(partial(describe, plan.dataset, data, seed=plan.seed))

    def build(name: str, recipe: Recipe, path: Path) -> Manifest:
        fitted = recipe(fits)
        workspace.stage_json(f"curves/{name}", lambda: dict(fitted.learning_curve))
        return build_bundle(path, fitted, plan.dataset, data, git_commit=git_commit(), extras=extras())

    return {
        name: workspace.stage_directory(f"refitted/{name}/{BUNDLE}", partial(build, name, recipe))
        for name, recipe in recipes.items()
    }


def check_refitted(plan: Plan, name: str, refitted: Path, workspace: Workspace) -> Agreement:
    """How far the refitted model shows the films that the evaluated one did. Raises MovierecError where hardly."""
    wanted = plan.settings.agreement
    before, after = Model.load(workspace.directory / _evaluated(name)), Model.load(refitted)
    found = agreement(before, after, wanted.films, wanted.people)
    if found.titles < wanted.least_for_titles or found.people < wanted.least_for_people:
        raise MovierecError(
            f"{name}: after refitting on all data only {found.titles:.0%} of the films shown for titles and "
            f"{found.people:.0%} of those for people are the evaluated model's; expected {wanted.least_for_titles:.0%} "
            f"and {wanted.least_for_people:.0%}. Its figures do not describe it."
        )
    return found


def _composite(titles: Recipe, people: Recipe, stars: Recipe, fits: Fits) -> FittedModel:
    return compose(COMPOSITE, item=titles(fits), user=people(fits), rating=stars(fits))


def _evaluated(name: str) -> str:
    """The stage that keeps the evaluated bundle of a model."""
    return f"evaluated/{name}/{BUNDLE}"
