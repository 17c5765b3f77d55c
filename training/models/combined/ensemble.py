"""Ensemble of rankings for users: the weighted sum of the members' z-scored scores, weighed on held-out ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.scoring.blocks import z_scores
from recommender.scoring.scorers import user_scorer
from recommender.scoring.specs import EnsembleMember, EnsembleSpec
from training.config import Config
from training.kernels.hits import discounts, find_hits
from training.kernels.ordering import evenly_spaced
from training.kernels.threads import thread_map
from training.kernels.topk import top_k
from training.models.base import FittedModel, TrainingData
from training.models.fits import Composite, Fits, Validation
from training.models.parameters import EnsembleConfig, PopularityConfig

STEPS = 4  # a weight is a multiple of 1 / STEPS
PLATEAU = 0.985
PRICE = 0.99  # of the nDCG that lists may lose by a correction
LENGTH = 10  # of the lists that are compared, by nDCG
MOST_USERS = 2000  # that are ranked in each validation
USERS_AT_ONCE = 250  # that are ranked together

Weights = NDArray[np.float64]  # (m,) of the members


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
    """Return the correction term of the members' scores on `data`; None if its weight is 0.

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


class Correction(NamedTuple):
    """An algorithm whose standardised scores are added to the members' with a fixed weight."""

    name: str
    config: Config
    weight: float


def member_weights(
    configs: Mapping[str, Config], validations: Sequence[Validation], correction: Correction | None = None
) -> tuple[dict[str, float], bool]:
    """Return weights of the algorithms `configs`, 0 or more, that add up to 1: the mean of the good ones of a grid.

    Good is what comes within PLATEAU of the best: their middle depends less on chance. Where it does worse than the
    best member alone, it is the best of the grid. Without held-out ratings of any user, all weigh the same. Second,
    whether to add `correction`: not where lists get worse by it than PRICE allows, or than the best member's.
    """
    grid = [np.array(steps) / STEPS for steps in product(range(STEPS + 1), repeat=len(configs)) if sum(steps) == STEPS]
    usable = [validation for validation in validations if len(_users(validation))]
    if not usable:
        return dict.fromkeys(configs, 1 / len(configs)), True
    gains = _mean_gains(configs, usable, grid)
    middle = np.mean(np.array(grid)[gains >= PLATEAU * gains.max()], axis=0)
    best_member = max(gains[number] for number, weights in enumerate(grid) if weights.max() == 1)
    is_worse = _mean_gains(configs, usable, [middle])[0] < best_member
    weights = grid[int(gains.argmax())] if is_worse else middle
    chosen = dict(zip(configs, weights.tolist(), strict=True))
    if correction is None:
        return chosen, False
    together = {**configs, correction.name: correction.config}
    plain, corrected = _mean_gains(together, usable, [np.append(weights, last) for last in (0, correction.weight)])
    return chosen, bool(corrected >= max(PRICE * plain, best_member))


def _users(validation: Validation) -> NDArray[np.int64]:
    """Return the rows of at most MOST_USERS users with ratings to fit on and held-out ones."""
    history = validation.fits.data.user_item
    users = np.flatnonzero((np.diff(validation.relevant.indptr) > 0) & (np.diff(history.indptr) > 0))
    return evenly_spaced(users, MOST_USERS)


def _mean_gains(
    configs: Mapping[str, Config], validations: Sequence[Validation], grid: Sequence[Weights]
) -> NDArray[np.float64]:
    """Return the nDCG (g,) of the lists with each of the weights in `grid`, the mean over users and validations."""
    gains = []
    for validation in validations:
        members = [validation.fits.get(name, config) for name, config in configs.items()]
        gains.append(_gains(members, validation, grid))
    return np.asarray(np.mean(gains, axis=0))


def _gains(members: list[FittedModel], validation: Validation, grid: Sequence[Weights]) -> NDArray[np.float64]:
    users, scorers = _users(validation), [user_scorer(member.user_spec, member.arrays) for member in members]

    def gains_of(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sums (g,) of the nDCG of some users' lists."""
        history, relevant = validation.fits.data.stars[rows], validation.relevant[rows]
        seen = np.repeat(np.arange(len(rows)), np.diff(history.indptr)), history.indices
        ideal = np.cumsum(discounts(LENGTH))[np.minimum(np.diff(relevant.indptr), LENGTH) - 1]
        blocks = [z_scores(scorer.known(rows, history), history) for scorer in scorers]
        sums = np.zeros(len(grid))
        for number, weights in enumerate(grid):
            scores = np.zeros_like(blocks[0])
            for weight, block in zip(weights, blocks, strict=True):
                if weight:
                    scores += np.float32(weight) * block
            scores[seen] = -np.inf
            hits = find_hits(top_k(scores, LENGTH)[0], relevant)
            sums[number] = ((hits @ discounts(LENGTH)) / ideal).sum()
        return sums

    with thread_map() as parallel:
        starts = range(0, len(users), USERS_AT_ONCE)
        sums = parallel(gains_of, [users[start : start + USERS_AT_ONCE] for start in starts])
        return np.asarray(sum(sums, np.zeros(len(grid))) / len(users))
