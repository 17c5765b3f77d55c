"""Fits of one training part, each made once, although several models are made of the same parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from training.config import Config
from training.models import make
from training.models.base import FittedModel, TrainingData
from training.progress import Progress


@dataclass
class Fits:
    """What was fitted on `data` with `seed`, by name and configuration."""

    data: TrainingData
    seed: int
    progress: Progress
    _made: dict[tuple[str, str], FittedModel] = field(default_factory=dict)

    def get(self, name: str, config: Config) -> FittedModel:
        """The model `name` with `config`; fitted the first time it is asked for."""
        key = (name, config.model_dump_json())
        if key not in self._made:
            self._made[key] = self._fit(name, config)
        return self._made[key]

    def forget(self, name: str) -> None:
        """Let go of every fit of the model `name`; what it was made of stays."""
        self._made = {key: fitted for key, fitted in self._made.items() if key[0] != name}

    def _fit(self, name: str, config: Config) -> FittedModel:
        algorithm = make(name, config)
        if isinstance(algorithm, Composite):
            return algorithm.combine(self)
        return algorithm.fit(self.data, seed=self.seed, progress=self.progress)


@runtime_checkable
class Composite(Protocol):
    """An algorithm that is made of others."""

    def combine(self, fits: Fits) -> FittedModel:
        """The model made of what `fits` gives."""
        ...
