from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.scoring.ranking import NEAREST, PER_PLACE, diversified, mask_scores, top_n

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, -np.inf]), max_size=30)


@given(SCORES, st.integers(0, 40))
def test_top_n_is_a_stable_sort_without_masked_films(values: list[float], n: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = [row for row in sorted(range(len(values)), key=lambda row: (-values[row], row)) if values[row] > -np.inf]
    assert list(top_n(scores, n)) == expected[:n]


def test_masking_leaves_the_scores_alone() -> None:
    scores = np.array([3.0, 2.0, 1.0], dtype=np.float32)
    masked = mask_scores(scores, np.array([False, True, True]))
    assert list(top_n(masked, 3)) == [1, 2]
    assert scores[0] == 3.0


def test_diversity_trades_a_near_copy_for_something_else() -> None:
    embedding = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    scores = np.array([1.0, 0.9, 0.5], dtype=np.float32)
    rows = np.arange(3)
    assert list(diversified(rows, scores, embedding, diversity=0.0)) == [0, 1, 2]
    assert list(diversified(rows, scores, embedding, diversity=0.6)) == [0, 2, 1]


def test_full_diversity_never_repeats_a_film() -> None:
    embedding = np.eye(4, dtype=np.float32)
    rows = np.array([3, 1, 0, 2])
    chosen = list(diversified(rows, np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32), embedding, diversity=1.0))
    assert sorted(chosen) == [0, 1, 2, 3]
    assert chosen[0] == 3


def test_a_long_diverse_list_reaches_further_than_a_short_one() -> None:
    embedding = np.tile(np.array([[1, 0]], dtype=np.float32), (300, 1))
    embedding[NEAREST + 5] = [0, 1]  # the only one that is unlike the others
    scores = np.linspace(2, 1, 300, dtype=np.float32)
    chosen = list(diversified(np.arange(300), scores, embedding, diversity=0.9))
    assert chosen.index(NEAREST + 5) == -(-(NEAREST + 6) // PER_PLACE) - 1
    assert sorted(chosen) == list(range(300))
