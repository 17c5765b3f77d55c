"""Weights of an ensemble's members, chosen on held-out ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.scoring.blocks import z_scores
from recommender.scoring.scorers import user_scorer
from training.config import Config
from training.kernels.hits import discounts, find_hits
from training.kernels.ordering import evenly_spaced
from training.kernels.threads import thread_map
from training.kernels.topk import top_k
from training.models.base import FittedModel
from training.models.fits import Validation

STEPS = 4  # a weight is a multiple of 1 / STEPS
PLATEAU = 0.985
PRICE = 0.99  # of the nDCG that lists may lose by a correction
LENGTH = 10  # of the lists that are compared, by nDCG
MOST_USERS = 2000  # that are ranked in each validation
USERS_AT_ONCE = 250  # that are ranked together

Weights = NDArray[np.float64]  # (m,) of the members


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
    judged = [validation for validation in validations if len(_users(validation))]
    if not judged:
        return dict.fromkeys(configs, 1 / len(configs)), True
    gains = _mean_gains(configs, judged, grid)
    middle = np.mean(np.array(grid)[gains >= PLATEAU * gains.max()], axis=0)
    best_member = max(gains[number] for number, weights in enumerate(grid) if weights.max() == 1)
    is_worse = _mean_gains(configs, judged, [middle])[0] < best_member
    weights = grid[int(gains.argmax())] if is_worse else middle
    chosen = dict(zip(configs, weights.tolist(), strict=True))
    if correction is None:
        return chosen, False
    together = {**configs, correction.name: correction.config}
    plain, corrected = _mean_gains(together, judged, [np.append(weights, last) for last in (0, correction.weight)])
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
