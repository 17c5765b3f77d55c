"""Figures for the users who have rated the least."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.evaluation.builders import dataset_of, protocol_of, split_of, written_model
from training.evaluation.evaluate import combine, evaluate
from training.evaluation.metrics import least_active


@pytest.mark.parametrize(
    ("ratings", "quarter"),
    [([9, 1, 5, 7], [1]), ([3, 3, 8, 9], [0, 1]), ([4, 4, 4, 4], [0, 1, 2, 3]), ([5], [0]), ([], [])],
)
def test_the_quarter_with_the_fewest_ratings_and_all_who_have_as_many(ratings, quarter):
    assert np.flatnonzero(least_active(np.array(ratings, dtype=np.int64))).tolist() == quarter


def test_their_figures_are_means_over_them_alone(tmp_path):
    # Four people with 1, 2, 3 and 4 training ratings; each likes the last film, which only the first is shown.
    train = [(user, film) for user in range(4) for film in range(user + 1)]
    users, films = zip(*train, *[(user, 5) for user in range(4)], strict=True)
    dataset = dataset_of(users, films, [5] * len(users))
    protocol = protocol_of(metrics=["ndcg", "recall", "least_active"])
    split = split_of(dataset, protocol, np.array(films) == 5)
    scores = np.zeros((4, 6))
    scores[0, 5] = 1  # the least active sees it first
    scores[1:, 4] = 2
    model = written_model(tmp_path / "model", dataset, split, people=scores)
    evaluation = evaluate(model, dataset, split, protocol, seed=0)
    assert evaluation.metric("least_active_ndcg_at_2").value == 1
    assert evaluation.metric("ndcg_at_2").value < 1
    assert evaluation.overall["least_active_users"] == 1
    assert np.isnan(evaluation.per_user["least_active_recall_at_2"]).tolist() == [False, True, True, True]
    assert combine([evaluation, evaluation]).metric("least_active_ndcg_at_2").value == 1


def test_an_evaluation_says_what_was_relevant_and_trained_for(tmp_path):
    dataset = dataset_of([0, 0, 1, 1], [0, 1, 0, 1], [5, 5, 5, 5])
    protocol = protocol_of()
    split = split_of(dataset, protocol, [False, True, False, True], target=protocol.target(dataset.feedback))
    model = written_model(tmp_path / "model", dataset, split)
    assert evaluate(model, dataset, split, protocol, seed=0).target == "likes (4 or more)"
