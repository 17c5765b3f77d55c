"""Weights of an ensemble's members, chosen on the training part: some of its ratings are held out, twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.blocks import Block, z_scores
from recommender.scoring.scorers import user_scorer
from training.config import Config
from training.kernels.hits import find_hits
from training.kernels.topk import top_k
from training.models.base import FittedModel, TrainingData
from training.models.fits import Fits

CUTS = 2
SHARE = 0.2  # of all ratings that is held out
STEPS = 4  # a weight is a multiple of 1 / STEPS
PLATEAU = 0.99
LENGTH = 10  # of the lists that are compared, by nDCG
MOST_USERS = 2000  # that are ranked in each cut
_BLOCK = 250  # users that are ranked at once


@dataclass(frozen=True)
class _Cut:
    """A training part without its held-out ratings, and those of them that lists should show."""

    data: TrainingData
    relevant: sp.csr_matrix  # (n_users, n_movies)


def member_weights(configs: Mapping[str, Config], fits: Fits) -> dict[str, float]:
    """Return weights of the algorithms `configs`, 0 or more, that add up to 1: the mean of the good ones of a grid.

    Good is what comes within PLATEAU of the best: their middle depends less on chance. The members are fitted CUTS
    times more. Where no user has enough ratings to hold some out, all weigh the same.
    """
    grid = [np.array(steps) / STEPS for steps in product(range(STEPS + 1), repeat=len(configs)) if sum(steps) == STEPS]
    gains = []
    for number in range(CUTS):
        cut = _hold_out(fits.data, np.random.default_rng([fits.seed, number]))
        users = np.flatnonzero((np.diff(cut.relevant.indptr) > 0) & (np.diff(cut.data.user_item.indptr) > 0))
        if len(users):
            inner = Fits(cut.data, fits.seed, fits.progress)
            members = [inner.get(name, config) for name, config in configs.items()]
            gains.append(_gains(members, cut, users, grid))
    mean = np.mean(gains, axis=0) if gains else np.ones(len(grid))
    weights = np.mean(np.array(grid)[mean >= PLATEAU * mean.max()], axis=0)
    return dict(zip(configs, weights.tolist(), strict=True))


def _hold_out(data: TrainingData, rng: np.random.Generator) -> _Cut:
    is_held_out = rng.random(data.user_item.nnz) < SHARE
    rest = data.user_item.copy()
    rest.data = np.where(is_held_out, 0, rest.data)
    rest.eliminate_zeros()
    relevant = data.user_item.copy()
    relevant.data = (is_held_out & data.is_target).astype(np.float32)
    relevant.eliminate_zeros()
    return _Cut(replace(data, user_item=rest), relevant)


def _gains(
    members: list[FittedModel], cut: _Cut, users: NDArray[np.int64], grid: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the mean nDCG of the members' lists with each of the weights in `grid`, over at most MOST_USERS users."""
    users = users[:: -(-len(users) // MOST_USERS)]
    total = np.zeros(len(grid))
    for blocks, rows in _member_scores(members, cut, users):
        relevant = cut.relevant[rows]
        ideal = np.cumsum(_discounts())[np.minimum(np.diff(relevant.indptr), LENGTH) - 1]
        for number, weights in enumerate(grid):
            scores = sum(np.float32(weight) * block for weight, block in zip(weights, blocks, strict=True) if weight)
            hits = find_hits(top_k(np.asarray(scores), LENGTH)[0], relevant)
            total[number] += ((hits @ _discounts()) / ideal).sum()
    return total / len(users)


def _member_scores(
    members: list[FittedModel], cut: _Cut, users: NDArray[np.int64]
) -> Iterator[tuple[list[Block], NDArray[np.int64]]]:
    """Yield the members' standardised scores (b, n_movies), -inf for what was rated, and the user rows (b,)."""
    scorers = [user_scorer(member.user_spec, member.arrays) for member in members]
    for start in range(0, len(users), _BLOCK):
        rows = users[start : start + _BLOCK]
        history = cut.data.stars[rows]
        seen = np.repeat(np.arange(len(rows)), np.diff(history.indptr)), history.indices
        blocks = [z_scores(scorer.known(rows, history), history) for scorer in scorers]
        for block in blocks:
            block[seen] = -np.inf
        yield blocks, rows


def _discounts() -> NDArray[np.float64]:
    return np.asarray(1 / np.log2(np.arange(2, LENGTH + 2)))
