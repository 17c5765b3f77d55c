"""Fit models on the training part of a split and evaluate them: for trainings, tuning and evaluations by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from recommender.model import Model
from recommender.schema import RATING
from training.bundling.build import BundleBuilder
from training.config import Config
from training.datasets.store import ProcessedDataset
from training.evaluation.evaluate import combine, evaluate, split_matrices
from training.evaluation.measure import SplitMatrices
from training.evaluation.result import Evaluation
from training.kernels.threads import Map, thread_map
from training.models import algorithm_class
from training.models.base import FittedModel
from training.models.fits import VALIDATIONS, FitCache, Fits, Validation
from training.progress import Progress, prefixed
from training.splits.cut import Split, choosing_splits, splits, training_data, validation_splits
from training.splits.protocol import FilesSplit, ProtocolConfig

Keep = Callable[[Callable[[Path], Any]], Path]  # where a directory is kept, made there by the function it is given
SIDE_BY_SIDE = 3  # fits at once: each uses all cores at times and a single one at others
SIDE_BY_SIDE_BELOW = 2_000_000  # ratings; on larger data each fit fills cores and memory by itself


@dataclass(frozen=True)
class Recipe:
    """How a model is made of the fits of one split. `seeded`: whether another training seed gives another model."""

    name: str
    make: Callable[[Fits], FittedModel]
    seeded: bool

    def seeds(self, training_seeds: Sequence[int]) -> Sequence[int]:
        """Return those of `training_seeds` that give different models: all, or the first."""
        return training_seeds if self.seeded else training_seeds[:1]


def fit(name: str, config: Config) -> Recipe:
    """Return the recipe of the algorithm `name`."""
    return Recipe(name, lambda fits: fits.get(name, config), algorithm_class(name).seeded)


@dataclass(frozen=True)
class TrainingSplit:
    """One split of a data set, and the models fitted on its training part: fitted when needed, for all seeds."""

    name: str
    dataset: ProcessedDataset
    protocol: ProtocolConfig
    split: Split
    progress: Progress
    of_dataset: FitCache = field(default_factory=FitCache)  # fits that do not depend on the split
    of_split: FitCache = field(default_factory=FitCache)

    @cached_property
    def builder(self) -> BundleBuilder:
        """Return the builder of bundles for the models fitted on this split."""
        return BundleBuilder(self.dataset, training_data(self.dataset, self.split))

    @cached_property
    def matrices(self) -> SplitMatrices:
        """Return the parts of the split as matrices, for all evaluations on it."""
        return split_matrices(self.dataset, self.split, self.protocol)

    def fits(self, seed: int) -> Fits:
        """Return the fits by training seed `seed`."""
        progress = prefixed(f"{self.name}-{seed}", self.progress)
        return Fits(self.builder.data, seed, progress, self.of_split, self.of_dataset, partial(self._validations, seed))

    def _validations(self, seed: int) -> list[Validation]:
        """Return the parts of the training ratings that weights are chosen by."""
        caches = defaultdict(FitCache, {self.split.training_key: self.of_split})
        part_splits = [
            replace(self, name=f"{self.name}-part", split=split, of_split=caches[split.training_key])
            for split in choosing_splits(self.protocol, self.dataset, self.split)
        ]
        return [part_split.validation(seed) for part_split in part_splits]

    def validation(self, seed: int) -> Validation:
        """Return the fits by training seed `seed`, and the ratings of the test part that lists should show."""
        ratings = self.dataset.ratings[RATING].to_numpy()
        relevant = self.dataset.user_item(self.split.test & self.split.target.includes(ratings))
        return Validation(self.fits(seed), relevant)

    def evaluate(self, recipe: Recipe, seed: int, keep: Keep | None = None) -> Evaluation:
        """Fit and evaluate a model.

        With `keep` its bundle is saved there, and what is evaluated is the reloaded bundle. Otherwise the same arrays
        are scored in memory, by the same scorers.
        """
        fits = self.fits(seed)

        def save(path: Path) -> None:
            self.builder.save(path, recipe.make(fits))

        model = Model.load(keep(save)) if keep else self.builder.model(recipe.make(fits))
        progress = prefixed(f"{self.name}-{seed} {recipe.name}", self.progress)
        return evaluate(
            model, self.dataset, self.split, self.protocol, seed=seed, progress=progress, matrices=self.matrices
        )


def training_splits(
    dataset: ProcessedDataset,
    protocol: ProtocolConfig,
    *,
    progress: Progress,
    validation: bool = False,
    of_dataset: FitCache | None = None,
    of_splits: MutableMapping[str, FitCache] | None = None,
) -> Iterator[TrainingSplit]:
    """Yield every split of a protocol, one for each split seed and fold.

    With `validation` the test parts are cut from the training parts, and the protocol's own test is not touched.
    `of_dataset`: fits of other splits of the same data set, to be shared; `of_splits`: those of splits with the same
    training part, by its key.
    """
    shared = FitCache() if of_dataset is None else of_dataset
    by_training_part = WeakValueDictionary[str, FitCache]() if of_splits is None else of_splits
    for split_seed in protocol.seeds:
        for split in splits(protocol, dataset, split_seed):
            cuts = validation_splits(protocol, dataset, split, split_seed) if validation else [split]
            for number, cut in enumerate(cuts):
                kind = f"-validation{number}" if validation else ""
                name = f"{protocol.name}{kind}-{split_seed}.{split.fold}"
                of_split = by_training_part.setdefault(cut.training_key, FitCache())
                yield TrainingSplit(name, dataset, protocol, cut, progress, shared, of_split)


def judge_models(
    configs: Mapping[str, Config],
    dataset: ProcessedDataset,
    protocol: ProtocolConfig,
    *,
    training_seeds: Sequence[int],
    progress: Progress,
) -> dict[str, Evaluation]:
    """Evaluate every model by one protocol: the mean over its split seeds, folds and the training seeds.

    Composites share the fits of their members (a blend and its ALS).
    """
    recipes = {name: fit(name, config) for name, config in configs.items()}
    evaluations: dict[str, list[Evaluation]] = {name: [] for name in configs}
    for split in training_splits(dataset, protocol, progress=progress):
        for name, evaluation in evaluate_all(split, recipes, training_seeds):
            evaluations[name].append(evaluation)
    return {name: combine(of_model) for name, of_model in evaluations.items()}


def weighing_fits(protocol: ProtocolConfig) -> int:
    """Return how many more times an ensemble's members are fitted, on parts of a training part, to be weighed.

    A validation file weighs the models of the training file.
    """
    rule = protocol.split
    if isinstance(rule, FilesSplit) and rule.valid is not None:
        return int(rule.refit_with_valid)
    return VALIDATIONS


def evaluate_all(
    split: TrainingSplit,
    recipes: Mapping[str, Recipe],
    training_seeds: Sequence[int],
    evaluate: Callable[[str, int], Evaluation] | None = None,
) -> list[tuple[str, Evaluation]]:
    """Fit and evaluate every recipe with each of its seeds on one split, several side by side; in a fixed order.

    `evaluate`: called with name and seed in the place of `split.evaluate`.
    """
    evaluate = evaluate or (lambda name, seed: split.evaluate(recipes[name], seed))
    names_and_seeds = runs(recipes, training_seeds)
    with side_by_side(split.dataset) as run_all:
        results = list(run_all(lambda run: evaluate(*run), names_and_seeds))
    return [(name, evaluation) for (name, _), evaluation in zip(names_and_seeds, results, strict=True)]


def runs(recipes: Mapping[str, Recipe], training_seeds: Sequence[int]) -> list[tuple[str, int]]:
    """Return the name and the training seed of every fit on one split, in a fixed order."""
    return [(name, seed) for seed in training_seeds for name in recipes if seed in recipes[name].seeds(training_seeds)]


def is_small(dataset: ProcessedDataset) -> bool:
    """Return whether several fits at once are faster and fit into memory."""
    return len(dataset.ratings) < SIDE_BY_SIDE_BELOW


def side_by_side(dataset: ProcessedDataset) -> AbstractContextManager[Map]:
    """Return a `map` that runs several fits at once where `dataset` is small, and one after the other where not."""
    return thread_map(SIDE_BY_SIDE if is_small(dataset) else 1)
