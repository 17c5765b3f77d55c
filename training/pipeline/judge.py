"""Fit on a training part, save, load, judge: how every figure comes about, in training runs, tuning and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from recommender.bundle import BUNDLE
from recommender.files import scratch_directory
from recommender.model import Model
from training.bundling.build import build_bundle
from training.config import Config
from training.datasets.store import ProcessedDataset
from training.evaluation.evaluate import combine, evaluate
from training.evaluation.result import Evaluation
from training.models.base import FittedModel
from training.models.fits import Fits
from training.progress import Progress, prefixed
from training.splits.cut import Split, splits, training_data, validation_splits
from training.splits.protocol import ProtocolConfig

Recipe = Callable[[Fits], FittedModel]  # a model from the fits of one training part
Keep = Callable[[Callable[[Path], Any]], Path]  # where a directory is kept, made there by the function it is given


@dataclass(frozen=True)
class Part:
    """One training part with its test; fitted only as far as somebody asks."""

    name: str
    dataset: ProcessedDataset
    protocol: ProtocolConfig
    split: Split
    seed: int  # of the training
    progress: Progress

    @cached_property
    def fits(self) -> Fits:
        """What was fitted on this part so far."""
        return Fits(training_data(self.dataset, self.split), self.seed, self.progress)

    def evaluate(self, recipe: Recipe, keep: Keep | None = None) -> Evaluation:
        """Fit, save, load and judge; the bundle is kept by `keep`, or not at all."""

        def build(path: Path) -> None:
            build_bundle(path, recipe(self.fits), self.dataset, self.fits.data)

        with scratch_directory() as scratch:
            if keep:
                path = keep(build)
            else:
                build(path := scratch / BUNDLE)
            return evaluate(
                Model.load(path), self.dataset, self.split, self.protocol, seed=self.seed, progress=self.progress
            )


def fit(name: str, config: Config) -> Recipe:
    """The recipe of one algorithm."""
    return partial(_fit, name, config)


def judge_models(
    configs: Mapping[str, Config],
    dataset: ProcessedDataset,
    protocol: ProtocolConfig,
    *,
    training_seeds: Sequence[int],
    progress: Progress,
) -> dict[str, Evaluation]:
    """Every model by one protocol: the mean over its split seeds, folds and the training seeds.

    Models that share parts (a blend and its ALS) share their fits.
    """
    found: dict[str, list[Evaluation]] = {name: [] for name in configs}
    for part in parts(dataset, protocol, training_seeds=training_seeds, progress=progress):
        for name, config in configs.items():
            found[name].append(part.evaluate(fit(name, config)))
    return {name: combine(evaluations) for name, evaluations in found.items()}


def parts(
    dataset: ProcessedDataset,
    protocol: ProtocolConfig,
    *,
    training_seeds: Sequence[int],
    progress: Progress,
    validation: bool = False,
) -> Iterator[Part]:
    """Every training part of a protocol, one for each split seed, fold and training seed.

    With `validation` the test parts are cut from the training parts, and the protocol's own test is not touched.
    """
    for split_seed in protocol.seeds:
        for split in splits(protocol, dataset, split_seed):
            judged = validation_splits(protocol, dataset, split, split_seed) if validation else [split]
            for cut, each in enumerate(judged):
                for seed in training_seeds:
                    kind = f"-validation{cut}" if validation else ""
                    name = f"{protocol.name}{kind}-{split_seed}.{split.fold}-{seed}"
                    yield Part(name, dataset, protocol, each, seed, prefixed(name, progress))


def _fit(name: str, config: Config, fits: Fits) -> FittedModel:
    return fits.get(name, config)
