"""Whether visitors are divided as planned, looked at after each of them."""

from __future__ import annotations

import numpy as np

from online.estimators.sample_ratio import log_evidence


def strongest(true_share: float) -> np.ndarray:
    """Return the strongest evidence against a share of .3 in each of 500 experiments of 10,000 visitors."""
    arrived = np.random.default_rng(5).random((500, 10_000)) < true_share
    challenger = arrived.cumsum(axis=1)
    strongest: np.ndarray = log_evidence(challenger, np.arange(1, 10_001) - challenger, 0.3).max(axis=1)
    return strongest


def test_a_fair_division_is_seldom_suspected() -> None:
    assert (strongest(0.3) >= -np.log(0.05)).mean() <= 0.05


def test_a_division_that_is_off_is_found() -> None:
    assert (strongest(0.33) >= -np.log(0.01)).mean() > 0.9


def test_the_check_starts_without_an_opinion() -> None:
    assert log_evidence(0, 0, 0.5) == 0.0
