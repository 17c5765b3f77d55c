"""Several rankings for people in one: the sum of z-scored members."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray
from pydantic import Field

from recommender.scoring.specs import EnsembleMember, EnsembleSpec
from training.config import Config
from training.models.als import AlsConfig
from training.models.base import FittedModel, TrainingData
from training.models.ease import EaseConfig
from training.models.fits import Fits
from training.models.ials import IalsConfig
from training.progress import Progress


class EnsembleConfig(Config):
    """The members, each with the numbers of its own file unless they are stated here, and their weights."""

    als: AlsConfig
    ials: IalsConfig
    ease: EaseConfig
    als_weight: float = Field(1.0, ge=0)
    ials_weight: float = Field(1.0, ge=0)
    ease_weight: float = Field(1.0, ge=0)


class Ensemble:
    """ALS and EASE err differently: one generalises over taste, the other remembers pairs."""

    config_type: ClassVar[type[Config]] = EnsembleConfig

    def __init__(self, config: EnsembleConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the members on `data` and combine them."""
        return self.combine(Fits(data, seed, progress))

    def combine(self, fits: Fits) -> FittedModel:
        """Arrays: those of the members; films like a film come from ALS."""
        members = {
            "als": fits.get("als", self.config.als),
            "ials": fits.get("ials", self.config.ials),
            "ease": fits.get("ease", self.config.ease),
        }
        weights = {"als": self.config.als_weight, "ials": self.config.ials_weight, "ease": self.config.ease_weight}
        told = [{"name": name, "weight": weights[name], "spec": each.user_spec} for name, each in members.items()]
        spec = EnsembleSpec(members=[EnsembleMember.model_validate(member) for member in told])
        arrays: dict[str, NDArray[Any]] = {}
        for member in members.values():
            arrays |= member.arrays
        return FittedModel("ensemble", self.config.model_dump(), arrays, members["als"].item_spec, spec)
