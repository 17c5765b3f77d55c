"""Bounds of a difference that hold at every look together."""

from __future__ import annotations

import numpy as np
import pytest

from online.estimators.mean_difference import ArmSums, Difference, difference, sums
from online.estimators.sample_size import any_time, detectable_effect, fixed_size

VISITORS, EXPERIMENTS, LOOK = 4000, 300, 100


def experiments(effect: float, seed: int) -> Difference:
    """Return the bounds at each look of many experiments: visitors come back, and some are far more active."""
    draw = np.random.default_rng(seed)
    size = (EXPERIMENTS, VISITORS)
    visits = 1 + draw.poisson(1.5, size)
    is_challenger = draw.random(size) < 0.5
    values = draw.binomial(visits, np.clip(draw.beta(1.2, 2.8, size) + effect * is_challenger, 0, 1)) / visits

    def arm(member: np.ndarray) -> ArmSums:
        columns = (member.astype(float), values * member, values**2 * member)
        return ArmSums(*(np.cumsum(column, axis=1)[:, LOOK - 1 :: LOOK] for column in columns))

    return difference(arm(~is_challenger), arm(is_challenger), error=0.05, planned=2000.0)


def test_without_an_effect_few_experiments_ever_exclude_none() -> None:
    bounds = experiments(0.0, seed=1)
    alarms = ((bounds.lower > 0) | (bounds.upper < 0)).any(axis=1).mean()
    assert alarms <= 0.05


def test_an_effect_is_covered_at_every_look_and_seen_soon() -> None:
    bounds = experiments(0.05, seed=2)
    left = ((bounds.lower > 0.05) | (bounds.upper < 0.05)).any(axis=1).mean()
    assert left <= 0.05
    seen = bounds.lower > 0
    visitors = np.where(seen.any(axis=1), LOOK * (seen.argmax(axis=1) + 1), np.inf)
    assert np.median(visitors) <= 2.5 * fixed_size(0.05, 0.26, share=0.5, error=0.05, power=0.8)


def test_no_bound_without_two_visitors_in_each_arm() -> None:
    bounds = difference(sums([1.0]), sums([0.0, 1.0, 1.0]), error=0.05, planned=100.0)
    assert np.isinf(bounds.lower).all()
    assert np.isinf(bounds.upper).all()


def test_looks_at_any_time_need_more_visitors_than_a_fixed_size() -> None:
    planned = {"share": 0.3, "error": 0.05, "power": 0.8}
    fixed, sequential = fixed_size(0.1, 1.0, **planned), any_time(0.1, 1.0, **planned)
    assert fixed == 3738  # (1.960 + .842)^2 / (.01 * .21)
    assert fixed < sequential < 2.5 * fixed
    assert detectable_effect(sequential, 1.0, **planned) == pytest.approx(0.1, rel=1e-3)
