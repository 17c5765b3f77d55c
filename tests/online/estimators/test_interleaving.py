"""Lists of two versions woven into one, and what clicks in them say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from online.estimators.interleaving import team_draft, win_bounds, win_concentration
from online.estimators.sample_ratio import log_evidence

LISTS = st.lists(st.integers(0, 30), max_size=15, unique=True)


@given(LISTS, LISTS, st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_a_woven_list_has_each_item_once_and_teams_as_even_as_can_be(
    champion: list[int], challenger: list[int], n: int, seed: int
) -> None:
    woven = team_draft(champion, challenger, n, seed)
    both = [*champion, *challenger]
    items = [both[position] for position in woven.items]
    assert len(items) == len(set(items)) == min(n, len(set(both)))
    for position, is_challengers in zip(woven.items, woven.from_challenger, strict=True):
        assert is_challengers == (position >= len(champion))
    assert team_draft(champion, challenger, n, seed) == woven
    if set(champion).isdisjoint(challenger) and len(champion) >= n and len(challenger) >= n:
        assert abs(2 * sum(woven.from_challenger) - len(items)) <= 1


def test_each_team_begins_about_as_often() -> None:
    begins = [team_draft([1, 2], [3, 4], 2, seed).from_challenger[0] for seed in range(2000)]
    assert 0.45 < np.mean(begins) < 0.55


def test_equal_versions_are_seldom_told_apart_and_unequal_ones_soon() -> None:
    draw = np.random.default_rng(4)
    for chance, rate_low, rate_high in ((0.5, 0.0, 0.05), (0.57, 0.9, 1.0)):
        wins = (draw.random((500, 1500)) < chance).cumsum(axis=1)
        concentration = win_concentration(1500, 0.05)
        evidence = log_evidence(wins, np.arange(1, 1501) - wins, 0.5, concentration)
        alarms = (evidence >= np.log(20)).any(axis=1).mean()
        assert rate_low <= alarms <= rate_high


def test_bounds_exclude_a_half_just_when_the_evidence_says_so() -> None:
    assert win_bounds(0, 0, 0.05, 100) == (0.0, 1.0)
    for wins, losses in ((30, 10), (24, 16), (5, 25), (12, 0), (90_000, 3)):
        lower, upper = win_bounds(wins, losses, 0.05, 100)
        assert lower <= wins / (wins + losses) <= upper
        assert (lower > 0.5 or upper < 0.5) == bool(
            log_evidence(wins, losses, 0.5, win_concentration(100, 0.05)) > np.log(20)
        )
