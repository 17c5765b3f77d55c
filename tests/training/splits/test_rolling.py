"""Cuts at several points in time, tested by people who come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import DataError
from recommender.feedback import MOVIELENS
from recommender.schema import TIMESTAMP
from tests.training.evaluation.builders import dataset_of, random_dataset
from tests.training.small import EVENTS
from training.splits.cut import splits, training_data
from training.splits.protocol import load_protocol

DAY = 86_400
PROTOCOL = load_protocol("rolling")
CUTS = (0.5, 0.6, 0.7, 0.8, 0.9)


def spread(seed):
    """Random ratings over a hundred days, each person's in a few sittings."""
    dataset = random_dataset(np.random.default_rng(seed), 40, 40)
    rng = np.random.default_rng(seed)
    sittings = rng.integers(0, 100 * DAY, (len(dataset.user_ids), 4))
    times = sittings[dataset.user_rows, rng.integers(0, 4, len(dataset.ratings))]
    dataset.ratings[TIMESTAMP] = times + rng.integers(0, 3600, len(times))
    return dataset


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_it_never_trains_on_later_ratings_and_tests_people_who_were_away_for_a_day(seed):
    dataset = spread(seed)
    times, users = dataset.ratings[TIMESTAMP].to_numpy(), dataset.user_rows
    cut_times = [np.sort(times)[int(share * len(times))] for share in CUTS]
    folds = splits(PROTOCOL, dataset, 0)
    assert folds
    windows = np.sum([split.test for split in folds], axis=0)
    assert windows.max() == 1, "each rating is tested by one cut at the most"
    for split in folds:
        cut = times[~split.train].min()
        assert cut in cut_times
        assert times[split.train].max() < times[split.test].min()
        np.testing.assert_array_equal(split.train, times < cut)
        later = [other for other in cut_times if other > cut]
        assert times[split.test].max() < (later[0] if later else np.inf)
        for user in np.unique(users[split.test]):
            own = times[(users == user) & split.train]
            assert len(own) >= 5
            assert times[(users == user) & split.test].min() - own.max() >= DAY


def test_everybody_who_comes_back_within_the_window_is_tested():
    # Two people of five early ratings each; the first comes back after two days, the second after an hour.
    users, films = [0] * 6 + [1] * 6, [*range(6)] * 2
    early = [1000 + number for number in range(5)]
    times = [*early, 1004 + 2 * DAY, *(time + 2 * DAY - 3600 for time in early), 1004 + 2 * DAY]
    dataset = dataset_of(users, films, [5] * 12, times)
    tested = np.sum([split.test for split in splits(PROTOCOL, dataset, 0)], axis=0)
    assert np.flatnonzero(tested).tolist() == [5]


def test_data_of_one_sitting_each_are_refused():
    dataset = dataset_of([0] * 12, range(12), [5] * 12, np.arange(12))
    with pytest.raises(DataError, match="rolling leaves the test part"):
        splits(PROTOCOL, dataset, 0)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_no_model_is_told_in_which_order_ratings_were_given(seed):
    dataset = spread(seed % 100)
    times = dataset.ratings[TIMESTAMP].to_numpy()
    (split, *_) = splits(PROTOCOL, dataset, 0)
    shuffled = times.copy()
    for user in np.unique(dataset.user_rows):
        own = np.flatnonzero((dataset.user_rows == user) & split.train)
        shuffled[own] = np.random.default_rng(seed).permutation(times[own])
    before, after = (
        vars(training_data(replace(dataset, ratings=dataset.ratings.assign(timestamp=given)), split))
        for given in (times, shuffled)
    )
    for name in ("user_item", "tags", "canonical"):
        first, second = before[name], after[name]
        first, second = (getattr(value, "matrix", value) for value in (first, second))
        assert (first != second).sum() == 0
    np.testing.assert_array_equal(before["released"], after["released"])
    assert set(before) == {"user_item", "tags", "canonical", "feedback", "has_own_tags", "target", "released"}


@pytest.mark.parametrize("feedback", [MOVIELENS, EVENTS])
def test_data_whose_people_come_back_for_dislikes_alone_are_refused(feedback):
    early = [(user, user + film, 5, user * 100 + film) for user in range(12) for film in range(8)]
    back = [(0, 9 + number, 1, 3 * DAY + number) for number in range(4)]
    dataset = replace(dataset_of(*zip(*[*early, *back], strict=True)), feedback=feedback)
    with pytest.raises(DataError, match="rolling judges by likes"):
        splits(PROTOCOL, dataset, 0)
