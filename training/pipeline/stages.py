"""Stages of one training run: choose, evaluate, refit, compare. Each result is kept in the workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from recommender.errors import MovierecError
from recommender.model import Model
from recommender.scoring.specs import folds_in
from training.bundling.build import Arrays, compose
from training.config import Config
from training.evaluation.difference import SHOWN, Agreement, agreement
from training.evaluation.evaluate import combine
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare
from training.models import COMPOSITE, configure, make, own
from training.models.base import FittedModel
from training.models.combined.ensemble import correction_of, weighed
from training.models.fits import Composite, FitCache, Fits
from training.models.parameters import EnsembleConfig
from training.pipeline.checkpoints import Workspace, git_commit
from training.pipeline.judge import (
    Recipe,
    TrainingSplit,
    evaluate_all,
    fit,
    is_small,
    runs,
    side_by_side,
    training_splits,
)
from training.pipeline.plan import Plan
from training.progress import Clock, Progress, unheard
from training.splits.cut import all_ratings
from training.splits.protocol import ProtocolConfig

BASELINE = "popularity"
REFIT = "refit"


@dataclass(frozen=True)
class Finished:
    """A model ready to be registered: its evaluation by each protocol, and its bundle, fitted on all ratings.

    `agreement`: of the bundle, which has no metrics as yet, with the evaluated model.
    """

    name: str
    evaluations: Mapping[str, Evaluation]
    bundle: Path
    agreement: Agreement
    warning: str = ""  # where the model's lists for users are worse than the most popular items


@dataclass(frozen=True)
class Task:
    """One evaluation, or a refit, which gives a bundle. `label`: model, and protocol or REFIT."""

    label: tuple[str, str]
    run: Callable[[], Evaluation | Path]


@dataclass(frozen=True)
class Training:
    """One run of a plan: its stages, and the fits that they share."""

    plan: Plan
    workspace: Workspace
    progress: Progress
    of_dataset: FitCache = field(default_factory=FitCache)
    # Dropped with the last split that uses them. `temporal` and a cut of `rolling` have one training part.
    of_splits: WeakValueDictionary[str, FitCache] = field(default_factory=WeakValueDictionary)
    clock: Clock = field(default_factory=Clock)
    say: Callable[[str], None] = unheard

    def recipes(self) -> dict[str, Recipe]:
        """Return how each model is made; last the composite, with the best model on validation for lists."""
        recipes = {name: self._recipe(name, config) for name, config in self.plan.configs.items()}
        if self.plan.composite:
            recipes[COMPOSITE] = composite(recipes["blend"], recipes[self.best_ranking(recipes)], recipes.get("stars"))
        return recipes

    def best_ranking(self, recipes: Mapping[str, Recipe]) -> str:
        """Return the algorithm with the best lists for users, on a validation part of the protocol's training part.

        A composite must be better than the best other algorithm beyond chance. A model without a fold-in is left out:
        the composite is for everybody.
        """
        split = self.validation
        seeds, metric = [self.plan.seed], self.plan.settings.choose_by
        evaluations = dict(evaluate_all(split, recipes, seeds, partial(self._validate, split, recipes)))
        own_models = [name for name in evaluations if name in own.names()]
        excluded = [name for name in own_models if not folds_in(recipes[name].make(split.fits(seeds[0])).user_spec)]
        candidates = [name for name in evaluations if name not in excluded]
        ranked = sorted(candidates, key=lambda name: -evaluations[name].metric(metric).value)
        single = next(name for name in ranked if not isinstance(make(name, self.plan.configs[name]), Composite))
        comparison = compare(evaluations[ranked[0]], evaluations[single], metric)
        return ranked[0] if comparison.difference_lo > 0 else single

    @cached_property
    def validation(self) -> TrainingSplit:
        """Return the validation part that choices are made on, before anything is tested."""
        return next(self._splits(self.plan.people, validation=True))

    def _recipe(self, name: str, config: Config) -> Recipe:
        def make_timed(fits: Fits) -> FittedModel:
            with self.clock.measure("fits"):
                return fits.get(name, self._ensemble if isinstance(config, EnsembleConfig) else config)

        return replace(fit(name, config), make=make_timed)

    @cached_property
    def _ensemble(self) -> EnsembleConfig:
        """Return the ensemble's configuration with its weights, chosen once for all parts.

        On large data by both halves of the users of one cut: they differ as two cuts do, and nothing is fitted anew.
        """
        config = self.plan.configs["ensemble"]
        assert isinstance(config, EnsembleConfig), "the algorithm is known by its name"

        def weigh() -> dict[str, Any]:
            validation = self.validation.validation(self.plan.seed)
            correction = correction_of(config, validation.fits.data)
            validations = validation.halves()
            if is_small(self.plan.dataset):
                validations = [validation, *validation.fits.validations()[:1]]
            return weighed(config, validations, correction).model_dump()

        return EnsembleConfig.model_validate(self.workspace.stage_json("ensemble", weigh))

    def finish(self, recipes: Mapping[str, Recipe], extras: Callable[[], Arrays]) -> Iterator[Finished]:
        """Yield every model in order, evaluated and refitted on all ratings, while the next are still being fitted.

        Raises MovierecError where a refitted model hardly shows the films that the evaluated one did.
        """
        evaluations: dict[str, dict[str, list[Evaluation]]] = {name: defaultdict(list) for name in recipes}
        popularity: Evaluation | None = None  # where it is trained, it is the first to be finished
        with side_by_side(self.plan.dataset) as run_all:
            for task, result in run_all(lambda task: (task.label, task.run()), self._tasks(recipes, extras)):
                name, protocol = task
                if isinstance(result, Evaluation):
                    evaluations[name][protocol].append(result)
                else:  # the last task of a model
                    means = {of: combine(runs) for of, runs in evaluations.pop(name).items()}
                    if name == BASELINE:
                        popularity = means[self.plan.people.name]
                    popularity = popularity or self._popularity()
                    warning = self._warning(means[self.plan.people.name], popularity)
                    yield Finished(name, means, result, self._agreement(name, result), warning)

    def _popularity(self) -> Evaluation:
        """Return the evaluation of popularity by the protocol for users, in a training that does not register it."""
        recipe, seed = fit(BASELINE, configure(BASELINE)), self.plan.seed
        return combine(
            [
                self.workspace.stage_evaluation(f"baseline/{split.name}", partial(split.evaluate, recipe, seed))
                for split in self._splits(self.plan.people)
            ]
        )

    def _warning(self, evaluation: Evaluation, popularity: Evaluation) -> str:
        """Return a sentence where the lists for users are worse than popularity's; empty where they are not."""
        metric = self.plan.settings.choose_by
        value, baseline = evaluation.metric(metric).value, popularity.metric(metric).value
        if value >= baseline:
            return ""
        pair = compare(evaluation, popularity, metric)
        return (
            f"Worse than popularity: {metric} on the test part of {evaluation.protocol} {value:.4f} against "
            f"{baseline:.4f}, difference {pair.difference:+.4f} [{pair.difference_lo:+.4f}, {pair.difference_hi:+.4f}]."
        )

    def _tasks(self, recipes: Mapping[str, Recipe], extras: Callable[[], Arrays]) -> Iterable[Task]:
        """Return every evaluation and refit, each model's refit last.

        On small data they are ordered by model: one is registered while others are fitted. On large data by split:
        the fits of one split at a time are in memory.
        """
        evaluations = (
            Task((name, protocol.name), partial(self._evaluate, split, recipes, name, seed))
            for protocol in self.plan.protocols
            for split in self._splits(protocol)
            for name, seed in runs(recipes, self.plan.seeds(protocol))
        )
        refits = (Task((name, REFIT), partial(self._refit, name, recipes[name], extras)) for name in recipes)
        by_split = chain(evaluations, refits)
        if not is_small(self.plan.dataset):
            return by_split
        order = list(recipes)
        return sorted(by_split, key=lambda task: order.index(task.label[0]))

    def _refit(self, name: str, recipe: Recipe, extras: Callable[[], Arrays]) -> Path:
        """Fit a model on all ratings and return its bundle."""

        def save(path: Path) -> None:
            fitted = recipe.make(self.everything.fits(self.plan.seed))
            self.workspace.stage_json(f"curves/{name}", lambda: dict(fitted.learning_curve))
            replace(self.everything.builder, git_commit=git_commit()).save(path, fitted, extras())

        with self.clock.measure("bundles"):
            return self.workspace.stage_directory(f"refitted/{name}", save)

    @cached_property
    def everything(self) -> TrainingSplit:
        """Return all ratings as one training split, on which the registered models are fitted."""
        plan = self.plan
        return TrainingSplit(
            REFIT, plan.dataset, plan.people, all_ratings(plan.dataset, plan.people), self.progress, self.of_dataset
        )

    def _splits(self, protocol: ProtocolConfig, *, validation: bool = False) -> Iterator[TrainingSplit]:
        return training_splits(
            self.plan.dataset,
            protocol,
            progress=self.progress,
            validation=validation,
            of_dataset=self.of_dataset,
            of_splits=self.of_splits,
        )

    def _validate(self, split: TrainingSplit, recipes: Mapping[str, Recipe], name: str, seed: int) -> Evaluation:
        compute = partial(split.evaluate, recipes[name], seed)
        with self.clock.measure("evaluation"):
            return self.workspace.stage_evaluation(f"validation/{name}", compute)

    def _evaluate(self, split: TrainingSplit, recipes: Mapping[str, Recipe], name: str, seed: int) -> Evaluation:
        """Evaluate one training; the one with which the refitted model is compared as a saved and reloaded bundle."""
        is_kept = split.protocol == self.plan.people and seed == self.plan.seed
        keep = partial(self.workspace.stage_directory, _evaluated(name)) if is_kept else None
        compute = partial(split.evaluate, recipes[name], seed, keep)
        with self.clock.measure("evaluation"):
            return self.workspace.stage_evaluation(f"evaluations/{name}/{split.name}-{seed}", compute)

    def _agreement(self, name: str, refitted: Path) -> Agreement:
        """Return the overlap of the refitted model's lists with the evaluated model's; report a small one.

        Raises MovierecError where it is next to nothing, or no more than chance would give.
        """
        limits = self.plan.settings.agreement
        before, after = Model.load(self.workspace.directory / _evaluated(name)), Model.load(refitted)
        shared = agreement(before, after, limits.films, limits.people)
        least = max(limits.broken_below, SHOWN / max(len(after.movie_ids) - 1, SHOWN + 1))
        little = shared.titles < limits.least_for_titles or shared.people < limits.least_for_people
        items = self.plan.dataset.items.plural
        text = (
            f"{name}: after refitting on all data only {shared.titles:.0%} of the {items} shown for titles and "
            f"{shared.people:.0%} of those for people are the evaluated model's; expected "
            f"{limits.least_for_titles:.0%} and {limits.least_for_people:.0%}. Its figures do not describe it"
        )
        if little and min(shared.titles, shared.people) < least:
            raise MovierecError(f"{text}.")
        if little:
            self.say(f"{text} well: the data say little, or its configuration has too many parameters for them.")
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
