"""What people think of the films that their lists show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.evaluation.builders import dataset_of, protocol_of, split_of, written_model
from tests.training.small import EVENTS
from training.evaluation.evaluate import combine, evaluate
from training.evaluation.significance import compare, lower_is_better

# All trained on film 0. Person 0 likes film 1 and hates film 2, person 1 hates both, person 2 likes film 4.
USERS = [0, 0, 0, 1, 1, 1, 2, 2]
MOVIES = [0, 1, 2, 0, 1, 2, 0, 4]
STARS = [5, 5, 1, 5, 2, 1, 5, 4]
TEST = [0, 1, 1, 0, 1, 1, 0, 1]
ORDER = np.array([0, 9, 8, 7, 6, 5])  # everybody is shown films 1, 2, 3 and 4


@pytest.fixture
def dataset():
    return dataset_of(USERS, MOVIES, STARS, n_movies=6)


def judged(path, dataset, people=ORDER):
    protocol = protocol_of(metrics=["ndcg", "disliked_share", "shown_rating", "rated_shown"])
    split = split_of(dataset, protocol, TEST)
    model = written_model(path, dataset, split, people=np.broadcast_to(people, (3, 6)))
    return evaluate(model, dataset, split, protocol, seed=0)


def test_of_the_rated_films_shown_the_disliked_ones_are_counted_over_all_people(tmp_path, dataset):
    evaluation = judged(tmp_path / "bundle", dataset)
    # Shown and rated at 2: (5, 1), (2, 1) and nothing; at 4 also the 4 stars of person 2.
    np.testing.assert_allclose(evaluation.per_user["disliked_share_at_2"], [0.5, 1, np.nan])
    np.testing.assert_allclose(evaluation.per_user["rated_shown_at_2"], [2, 2, 0])
    assert evaluation.metric("disliked_share_at_2").value == pytest.approx(3 / 4)
    assert evaluation.metric("shown_rating_at_2").value == pytest.approx((5 + 1 + 2 + 1) / 4)
    assert evaluation.metric("disliked_share_at_4").value == pytest.approx(3 / 5)
    assert evaluation.metric("rated_shown_at_4").value == pytest.approx(5 / 3)


def test_who_likes_nothing_of_the_test_part_counts_here_and_not_in_ranking_metrics(tmp_path, dataset):
    evaluation = judged(tmp_path / "bundle", dataset)
    assert evaluation.overall["users_without_relevant"] == 1
    assert np.isnan(evaluation.per_user["ndcg_at_2"][1])
    assert evaluation.per_user["disliked_share_at_2"][1] == 1


def test_events_have_no_dislikes(tmp_path, dataset):
    evaluation = judged(tmp_path / "bundle", replace(dataset, feedback=EVENTS))
    assert not [name for name in evaluation.per_user if name.startswith(("disliked", "shown", "rated"))]


def test_the_mean_over_trainings_weighs_each_film_shown(tmp_path, dataset):
    other = judged(tmp_path / "other", dataset, people=np.array([0, 9, 0, 8, 0, 0]))  # films 1 and 3: (5), (2)
    mean = combine([judged(tmp_path / "bundle", dataset), other])
    np.testing.assert_allclose(mean.per_user["disliked_share_at_2"], [1 / 3, 1, np.nan])
    assert mean.metric("disliked_share_at_2").value == pytest.approx((0.5 + 1.5) / 3)


def test_people_whom_only_one_of_two_models_shows_a_rated_film_are_compared_too(tmp_path, dataset):
    shown, hidden = judged(tmp_path / "bundle", dataset), judged(tmp_path / "other", dataset, np.arange(6))
    pair = compare(hidden, shown, "disliked_share_at_2", draws=100)  # hidden: films 5, 4
    assert pair.users == 3
    assert (pair.a, pair.b) == pytest.approx((0, 3 / 4))
    assert lower_is_better("disliked_share_at_2")
    assert pair.gain == pytest.approx(3 / 4)
