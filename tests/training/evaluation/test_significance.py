"""Intervals that hold what they promise, and comparisons that see what is there and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.errors import UsageError
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare, holm, intervals, resampling_weights, standard_error_interval


def evaluation(per_user, users=None, **changes) -> Evaluation:
    n = len(next(iter(per_user.values())))
    fields = {
        "protocol": "latest20",
        "dataset": "toy",
        "fingerprint": "toy",
        "seed": 0,
        "users": np.arange(n) if users is None else users,
        "per_user": per_user,
        "overall": {},
        "metrics": [],
    }
    return Evaluation(**(fields | changes))


def scores(rng, n=300, mean=0.3, spread=0.2):
    return rng.normal(mean, spread, n)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        found = intervals({"ndcg_at_10": scores(rng, 100)}, trial, draws=400)["ndcg_at_10"]
        assert found.lo < found.value < found.hi
        held += found.lo <= 0.3 <= found.hi
    assert 180 <= held <= 199


def test_people_without_a_value_are_left_out():
    values = np.array([0.2, np.nan, 0.4, np.nan])
    found = intervals({"ndcg_at_10": values, "nothing": np.full(4, np.nan)}, 0)
    assert list(found) == ["ndcg_at_10"]
    assert found["ndcg_at_10"].value == pytest.approx(0.3)
    assert [found["ndcg_at_10"].lo, found["ndcg_at_10"].hi] == pytest.approx([0.2, 0.4])


def test_shares_of_a_whole_set_keep_their_value_inside_and_stay_shares():
    resampled = np.array([0.5, 0.6, 0.7])  # fewer distinct people show fewer films
    found = standard_error_interval(0.95, resampled)
    assert found.value == 0.95
    assert found.lo == pytest.approx(0.95 - 1.96 * 0.1, abs=1e-3)
    assert found.hi == 1


def test_rmse_is_over_ratings_and_resampled_by_person():
    errors = [np.array([1.0, -1.0, 2.0]), np.array([0.5]), np.array([0.0, 3.0])]
    per_user = {
        "rmse": np.array([np.sqrt(np.mean(e**2)) for e in errors]),
        "mae": np.array([np.mean(np.abs(e)) for e in errors]),
        "test_ratings": np.array([3.0, 1.0, 2.0]),
    }
    found, together = intervals(per_user, 0), np.concatenate(errors)
    assert found["rmse"].value == pytest.approx(np.sqrt(np.mean(together**2)))
    assert found["mae"].value == pytest.approx(np.mean(np.abs(together)))
    assert found["rmse"].lo == pytest.approx(0.5)  # a draw of the second person alone
    assert "test_ratings" not in found


def test_a_seed_repeats_its_draws():
    once, twice, other = (np.concatenate(list(resampling_weights(7, 50, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, twice)
    assert (once != other).any()
    np.testing.assert_array_equal(once.sum(axis=1), 7)


def test_a_model_equals_itself():
    one = evaluation({"ndcg_at_10": scores(np.random.default_rng(0))})
    found = compare(one, one, "ndcg_at_10")
    assert (found.difference, found.ratio, found.p_value, found.smallest_detectable) == (0, 1, 1, 0)
    assert not found.significant


def test_a_planted_difference_is_seen_and_sized():
    rng = np.random.default_rng(0)
    base = scores(rng)
    better = base * 1.1 + rng.normal(0, 0.02, len(base))
    found = compare(evaluation({"m": better}), evaluation({"m": base}), "m")
    assert found.difference == pytest.approx(better.mean() - base.mean())
    assert found.ratio == pytest.approx(better.mean() / base.mean())
    assert found.ratio_lo < 1.1 < found.ratio_hi
    assert 0 < found.difference_lo < found.difference < found.difference_hi
    assert found.significant
    assert found.gain > 0


def test_pairing_removes_what_people_share():
    rng = np.random.default_rng(0)
    base, noise = scores(rng, spread=0.5), rng.normal(0, 0.01, 300)
    paired = compare(evaluation({"m": base + 0.01 + noise}), evaluation({"m": base}), "m")
    shuffled = compare(evaluation({"m": rng.permutation(base + 0.01 + noise)}), evaluation({"m": base}), "m")
    assert paired.significant
    assert not shuffled.significant
    assert paired.smallest_detectable < shuffled.smallest_detectable / 10


def test_the_smallest_detectable_difference_is_seen_four_times_in_five():
    rng = np.random.default_rng(0)
    spread, n = 0.1, 200
    detectable = 2.8 * spread / np.sqrt(n)
    seen, sizes = 0, []
    for trial in range(150):
        found = compare(
            evaluation({"m": rng.normal(1 + detectable, spread, n)}),
            evaluation({"m": np.ones(n)}),
            "m",
            seed=trial,
            draws=500,
        )
        seen += found.p_value < 0.05
        sizes.append(found.smallest_detectable)
    assert np.mean(sizes) == pytest.approx(detectable, rel=0.1)
    assert 105 <= seen <= 135


def test_no_difference_is_rarely_called_one():
    rng = np.random.default_rng(0)
    called = sum(
        compare(
            evaluation({"m": scores(rng, 200)}), evaluation({"m": scores(rng, 200)}), "m", seed=trial, draws=500
        ).significant
        for trial in range(200)
    )
    assert called <= 20


def test_a_lower_rmse_is_a_gain():
    per_user = {"rmse": np.full(9, 0.9), "test_ratings": np.ones(9)}
    worse = {"rmse": np.full(9, 1.0), "test_ratings": np.ones(9)}
    found = compare(evaluation(per_user), evaluation(worse), "rmse")
    assert found.difference == pytest.approx(-0.1)
    assert found.gain == pytest.approx(0.1)


def test_only_people_with_both_values_are_compared():
    a = evaluation({"m": np.array([1.0, 2.0, np.nan])}, users=np.array([3, 5, 9]))
    b = evaluation({"m": np.array([5.0, 1.0, 7.0])}, users=np.array([2, 5, 9]))
    found = compare(a, b, "m")
    assert (found.users, found.a, found.b) == (1, 2.0, 1.0)


def test_comparisons_across_protocols_or_data_are_refused():
    one = evaluation({"m": np.ones(3)})
    with pytest.raises(UsageError, match="one protocol"):
        compare(one, replace(one, protocol="temporal"), "m")
    with pytest.raises(UsageError, match="one data set"):
        compare(one, replace(one, fingerprint="other"), "m")
    with pytest.raises(UsageError, match="no ndcg_at_10"):
        compare(one, one, "ndcg_at_10")
    with pytest.raises(UsageError, match="no user in common"):
        compare(one, replace(one, users=np.array([7, 8, 9])), "m")


def test_holm_corrects_as_published():
    one = evaluation({"m": np.ones(3)})
    bare = compare(one, one, "m")
    corrected = holm([replace(bare, p_value=p) for p in (0.01, 0.04, 0.03, 0.005)])
    assert [each.p_adjusted for each in corrected] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [each.significant for each in corrected] == [True, False, False, True]
