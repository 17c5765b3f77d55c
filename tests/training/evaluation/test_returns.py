"""Metrics by how long people had been away."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.evaluation.builders import dataset_of, protocol_of, split_of
from training.evaluation.result import Evaluation
from training.evaluation.returns import DAY, HOUR, by_gap, gaps

# Persons 0 and 1 go on at once, person 2 comes back after three days, person 3 is not tested.
USERS = [0, 0, 1, 1, 2, 2, 3]
TIMES = [0, HOUR, 50, 20, 100, 100 + 3 * DAY, 7]
TEST = [0, 1, 0, 1, 0, 1, 0]


def test_figures_stand_by_the_gap_before_the_first_test_rating():
    dataset = dataset_of(USERS, range(7), [5] * 7, TIMES)
    split = split_of(dataset, protocol_of(), TEST)
    assert gaps(dataset, split).tolist() == [HOUR, 0, 3 * DAY, -1]
    values = {"ndcg_at_10": np.array([0.2, np.nan, 0.6])}
    evaluation = Evaluation("toy", "toy", "toy", 0, np.array([1, 2, 3]), values, {}, [])
    groups = by_gap(evaluation, dataset, split, "ndcg_at_10")
    assert [(group.label, group.users) for group in groups] == [
        ("under 6 hours", 1),
        ("6 to 24 hours", 0),
        ("a day to a week", 1),
        ("a week or more", 0),
    ]
    assert [group.mean for group in groups] == pytest.approx([0.2, np.nan, 0.6, np.nan], nan_ok=True)
