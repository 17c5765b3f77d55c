"""Cache of fitted models, shared by composites, by the seeds of a split and by the splits of a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol, runtime_checkable

from training.config import Config
from training.models import algorithm_class, make, own
from training.models.base import FittedModel, TrainingData
from training.models.own_fit import check_fitted
from training.models.parameters import DensityConfig
from training.progress import Progress

Key = tuple[str, str, int | None]  # algorithm, configuration, seed; None where the seed changes nothing


class FitCache:
    """Fitted models by key. Each is fitted once, by the first thread that asks; others wait for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._fitting: dict[Key, Lock] = {}
        self._models: dict[Key, FittedModel] = {}

    def get(self, key: Key, fit: Callable[[], FittedModel]) -> FittedModel:
        """Return the model of `key`; `fit` is called where there is none yet."""
        with self._lock:
            fitting = self._fitting.setdefault(key, Lock())
        with fitting:
            if key not in self._models:
                self._models[key] = fit()
            return self._models[key]

    def forget(self, name: str) -> None:
        """Drop every fit of the algorithm `name`."""
        for key in [key for key in self._models if key[0] == name]:
            del self._models[key]


@dataclass(frozen=True)
class Fits:
    """Fitted models of one training split and seed, fitted when asked for.

    `of_split` is shared by the seeds of the split, `of_dataset` also by other splits: models that depend on neither
    seed nor ratings are fitted once, unless features are hidden in the split.
    """

    data: TrainingData
    seed: int
    progress: Progress
    of_split: FitCache = field(default_factory=FitCache)
    of_dataset: FitCache = field(default_factory=FitCache)

    def get(self, name: str, config: Config) -> FittedModel:
        """Return the algorithm `name` fitted with `config`."""
        kind = algorithm_class(name)
        cache = self.of_split if kind.uses_ratings or self.data.has_own_tags else self.of_dataset
        key = (name, config.model_dump_json(), self.seed if kind.seeded else None)
        return cache.get(key, lambda: self._fit(name, config))

    def forget(self, name: str) -> None:
        """Drop every fit of the algorithm `name`; those of its members stay."""
        self.of_split.forget(name)
        self.of_dataset.forget(name)

    def _fit(self, name: str, config: Config) -> FittedModel:
        algorithm = make(name, config.at_density(self.data.density) if isinstance(config, DensityConfig) else config)
        if isinstance(algorithm, Composite):
            return algorithm.combine(self)
        fitted = algorithm.fit(self.data, seed=self.seed, progress=self.progress)
        return check_fitted(name, fitted, self.data) if name in own.names() else fitted


@runtime_checkable
class Composite(Protocol):
    """An algorithm that combines the fits of others."""

    def combine(self, fits: Fits) -> FittedModel:
        """Return the model made of the members that `fits` gives."""
        ...
