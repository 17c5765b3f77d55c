"""Ensemble of rankings for users: the weighted sum of the members' z-scored scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.about import About, Paper
from recommender.scoring.specs import EnsembleMember, EnsembleSpec
from training.config import Config
from training.models.base import FittedModel, TrainingData
from training.models.combined.weighing import Correction, member_weights
from training.models.fits import Composite, Fits, Validation
from training.models.parameters import EnsembleConfig, PopularityConfig


class Ensemble(Composite[EnsembleConfig]):
    """score(u, i) = sum of weight * z(score) over ALS, iALS, EASE and low-pass; z: over the films that u has not seen.

    A correction is added. Where likes or events are to be predicted, popularity has a small negative weight: the
    members agree on what everybody has seen, and without it lists show fewer films. Where every rating is, whatever its
    stars, expected stars have a small weight: people choose what they expect to like.
    """

    config_type = EnsembleConfig
    about = About(
        label="Ensemble",
        sentence="als, ials, ease and low_pass together: their scores are brought to one scale and added.",
        share="other",
        papers=(
            Paper(url="https://doi.org/10.1109/ICDM.2008.22"),
            Paper(url="https://arxiv.org/abs/1905.03375"),
            Paper(url="https://arxiv.org/abs/2110.14037"),
        ),
    )

    def combine(self, fits: Fits) -> FittedModel:
        """Combine the fitted members with a weight. Arrays: theirs; similar films come from ALS."""
        correction = correction_of(self.config, fits.data)
        config = weighed(self.config, fits.validations(), correction)
        als, configs = fits.get("als", config.als), members(config)
        weights = {name: weight for name, weight in (config.weights or {}).items() if weight}
        weighted = [(fits.get(name, configs[name]), weight) for name, weight in weights.items()]
        if correction and config.correction:
            weighted.append((fits.get(correction.name, correction.config), correction.weight))
        spec = EnsembleSpec(members=[_member(fitted, weight) for fitted, weight in weighted])
        arrays = {key: array for fitted, _ in [(als, 0), *weighted] for key, array in fitted.arrays.items()}
        return FittedModel("ensemble", config.model_dump(), arrays, als.item_spec, spec)


def weighed(config: EnsembleConfig, validations: Sequence[Validation], correction: Correction | None) -> EnsembleConfig:
    """Return `config` with weights: those that it has, or the best on the held-out ratings of `validations`."""
    if config.weights is not None:
        return config
    weights, is_corrected = member_weights(members(config), validations, correction)
    return config.model_copy(update={"weights": weights, "correction": is_corrected})


def correction_of(config: EnsembleConfig, data: TrainingData) -> Correction | None:
    """Return what is added to the members' scores on `data`; None where its weight is 0.

    Stars are expected only where people gave different ones.
    """
    if data.like is None and data.feedback.has_ratings and data.user_item.nnz and np.ptp(data.user_item.data):
        correction = Correction("stars", config.stars, config.stars_weight)
    else:
        correction = Correction("popularity", PopularityConfig(), -config.damping)
    return correction if correction.weight else None


def members(config: EnsembleConfig) -> dict[str, Config]:
    """Return the configurations of the members that may get a weight."""
    return {"als": config.als, "ials": config.ials, "ease": config.ease, "low_pass": config.low_pass}


def _member(fitted: FittedModel, weight: float) -> EnsembleMember:
    spec = {"name": fitted.algorithm, "weight": weight, "spec": fitted.user_spec}
    return EnsembleMember.model_validate(spec)
