"""Stages of one training run: choose, evaluate, refit, compare. Each result is kept in the workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from recommender.errors import MovierecError
from recommender.model import Model
from training.bundling.build import Arrays, compose
from training.evaluation.difference import Agreement, agreement
from training.evaluation.evaluate import combine
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare
from training.models import make
from training.models.base import FittedModel
from training.models.fits import Composite, FitCache, Fits
from training.pipeline.checkpoints import Workspace
from training.pipeline.code_version import git_commit
from training.pipeline.judge import Recipe, TrainingSplit, evaluate_all, fit, side_by_side, training_splits
from training.pipeline.plan import Plan
from training.progress import Progress
from training.splits.cut import all_ratings
from training.splits.protocol import ProtocolConfig

COMPOSITE = "recommender"
Evaluations = dict[str, dict[str, Evaluation]]  # algorithm -> protocol -> evaluation


@dataclass(frozen=True)
class Refitted:
    """A model fitted on all ratings: its bundle, without metrics as yet, and its agreement with the evaluated model."""

    bundle: Path
    agreement: Agreement


@dataclass(frozen=True)
class Training:
    """One run of a plan: its stages, and the fits that they share."""

    plan: Plan
    workspace: Workspace
    progress: Progress
    of_dataset: FitCache = field(default_factory=FitCache)

    def recipes(self) -> dict[str, Recipe]:
        """Return how each model is made; last the composite, with the best model on validation for lists."""
        recipes = {name: fit(name, config) for name, config in self.plan.configs.items()}
        if self.plan.composite:
            recipes[COMPOSITE] = composite(recipes["blend"], recipes[self.best_ranking(recipes)], recipes.get("svd"))
        return recipes

    def best_ranking(self, recipes: Mapping[str, Recipe]) -> str:
        """Return the algorithm with the best lists for users, on a validation part of the protocol's training part.

        A composite must be better than the best other algorithm beyond chance.
        """
        split = next(self._splits(self.plan.people, validation=True))
        seeds, metric = [self.plan.seed], self.plan.settings.choose_by
        evaluations = dict(evaluate_all(split, recipes, seeds, partial(self._validate, split, recipes)))
        ranked = sorted(evaluations, key=lambda name: -evaluations[name].metric(metric).value)
        single = next(name for name in ranked if not isinstance(make(name, self.plan.configs[name]), Composite))
        comparison = compare(evaluations[ranked[0]], evaluations[single], metric)
        return ranked[0] if comparison.difference_lo > 0 else single

    def evaluate(self, recipes: Mapping[str, Recipe]) -> Evaluations:
        """Return the evaluation of every model by every protocol: the mean over the training seeds."""
        results: Evaluations = {name: {} for name in recipes}
        for protocol in self.plan.protocols:
            trainings: dict[str, list[Evaluation]] = {name: [] for name in recipes}
            for split in self._splits(protocol):
                evaluate = partial(self._evaluate, split, recipes)
                for name, evaluation in evaluate_all(split, recipes, self.plan.training_seeds, evaluate):
                    trainings[name].append(evaluation)
            for name in recipes:
                results[name][protocol.name] = combine(trainings[name])
        return results

    @cached_property
    def everything(self) -> TrainingSplit:
        """Return all ratings as one training split: what the registered models are fitted on."""
        plan = self.plan
        return TrainingSplit(
            "refit", plan.dataset, plan.people, all_ratings(plan.dataset), self.progress, self.of_dataset
        )

    def refit(self, recipes: Mapping[str, Recipe], extras: Callable[[], Arrays]) -> dict[str, Refitted]:
        """Return every model fitted on all ratings and compared with the evaluated one.

        Raises MovierecError where a refitted model hardly shows the films that the evaluated one did.
        """
        fits = self.everything.fits(self.plan.seed)
        builder = replace(self.everything.builder, git_commit=git_commit())

        def save(name: str, path: Path) -> None:
            fitted = recipes[name].make(fits)
            self.workspace.stage_json(f"curves/{name}", lambda: dict(fitted.learning_curve))
            builder.save(path, fitted, extras())

        def stage(name: str) -> Refitted:
            bundle = self.workspace.stage_directory(f"refitted/{name}", partial(save, name))
            return Refitted(bundle, self._agreement(name, bundle))

        with side_by_side(self.plan.dataset) as run_all:
            return dict(zip(recipes, run_all(stage, recipes), strict=True))

    def _splits(self, protocol: ProtocolConfig, *, validation: bool = False) -> Iterator[TrainingSplit]:
        return training_splits(
            self.plan.dataset, protocol, progress=self.progress, validation=validation, of_dataset=self.of_dataset
        )

    def _validate(self, split: TrainingSplit, recipes: Mapping[str, Recipe], name: str, seed: int) -> Evaluation:
        compute = partial(split.evaluate, recipes[name], seed)
        return self.workspace.stage_evaluation(f"validation/{name}", compute)

    def _evaluate(self, split: TrainingSplit, recipes: Mapping[str, Recipe], name: str, seed: int) -> Evaluation:
        """Evaluate one training; the one with which the refitted model is compared as a saved and reloaded bundle."""
        is_kept = split.protocol == self.plan.people and seed == self.plan.seed
        keep = partial(self.workspace.stage_directory, _evaluated(name)) if is_kept else None
        compute = partial(split.evaluate, recipes[name], seed, keep)
        return self.workspace.stage_evaluation(f"evaluations/{name}/{split.name}-{seed}", compute)

    def _agreement(self, name: str, refitted: Path) -> Agreement:
        """Return how far a refitted model shows the films that the evaluated one did; raise where it hardly does."""
        limits = self.plan.settings.agreement
        before, after = Model.load(self.workspace.directory / _evaluated(name)), Model.load(refitted)
        shared = agreement(before, after, limits.films, limits.people)
        if shared.titles < limits.least_for_titles or shared.people < limits.least_for_people:
            raise MovierecError(
                f"{name}: after refitting on all data only {shared.titles:.0%} of the films shown for titles and "
                f"{shared.people:.0%} of those for people are the evaluated model's; expected "
                f"{limits.least_for_titles:.0%} and {limits.least_for_people:.0%}. Its figures do not describe it."
            )
        return shared


def composite(titles: Recipe, people: Recipe, ratings: Recipe | None) -> Recipe:
    """Return the recipe of the composite: similar films, lists for users and predicted ratings from one recipe each.

    `ratings`: None where the data set has events alone.
    """

    def make_composite(fits: Fits) -> FittedModel:
        rating = ratings.make(fits) if ratings else None
        return compose(COMPOSITE, item=titles.make(fits), user=people.make(fits), rating=rating)

    is_seeded = any(recipe.seeded for recipe in (titles, people, ratings) if recipe)
    return Recipe(COMPOSITE, make_composite, is_seeded)


def _evaluated(name: str) -> str:
    """Return the stage that keeps the evaluated bundle of a model."""
    return f"evaluated/{name}"
