"""Metrics against fractions that can be counted by hand, and against an independent library."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import ir_measures
import numpy as np
import pytest
import scipy.sparse as sp
from ir_measures import AP, RR, P, R, Success, nDCG

from training.datasets.features.tag_matrix import unit_rows
from training.evaluation import beyond
from training.evaluation.metrics import list_metrics, weighted_metrics
from training.kernels.hits import find_hits

# Films 7, 1 and 4 are relevant to the first person, 2 to the second, 0 to the third.
LISTS = np.array([[9, 7, 3, 1], [2, 5, 6, 8], [1, 2, -1, -1]], dtype=np.int32)
RELEVANT = sp.csr_matrix((np.ones(5), ([0, 0, 0, 1, 2], [7, 1, 4, 2, 0])), shape=(3, 10))
HITS = [[False, True, False, True], [True, False, False, False], [False] * 4]
ALL = ("ndcg", "recall", "recall_capped", "precision", "map", "map_by_relevant", "mrr", "hit_rate")


def test_hits_are_found_and_padding_is_none():
    np.testing.assert_array_equal(find_hits(LISTS, RELEVANT), HITS)


@pytest.mark.parametrize("seed", range(3))
def test_hits_are_those_of_the_dense_table(seed):
    rng = np.random.default_rng(seed)
    table = rng.random((50, 40)) < rng.uniform(0, 0.6, (50, 1))
    lists = rng.integers(-1, 40, (50, 15)).astype(np.int32)
    expected = np.take_along_axis(table, np.maximum(lists, 0).astype(np.int64), axis=1) & (lists >= 0)
    np.testing.assert_array_equal(find_hits(lists, sp.csr_matrix(table)), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("precision_at_4", [2 / 4, 1 / 4, 0]),
        ("precision_at_2", [1 / 2, 1 / 2, 0]),
        ("recall_at_4", [2 / 3, 1, 0]),
        ("recall_at_2", [1 / 3, 1, 0]),
        ("recall_capped_at_2", [1 / 2, 1, 0]),
        ("hit_rate_at_2", [1, 1, 0]),
        ("mrr_at_4", [1 / 2, 1, 0]),
        ("map_at_4", [(1 / 2 + 2 / 4) / 3, 1, 0]),
        ("map_at_2", [(1 / 2) / 2, 1, 0]),
        ("map_by_relevant_at_2", [(1 / 2) / 3, 1, 0]),
        ("ndcg_at_4", [(1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4)), 1, 0]),
        ("ndcg_at_2", [(1 / log2(3)) / (1 + 1 / log2(3)), 1, 0]),
    ],
)
def test_visible_fractions(name, expected):
    found = list_metrics(np.array(HITS), np.array([3, 1, 1]), [2, 4], ALL)
    np.testing.assert_allclose(found[name], expected, atol=1e-12)


def test_a_first_hit_beyond_k_is_no_hit():
    found = list_metrics(np.array([[False, False, True]]), np.array([1]), [2, 3], ["mrr", "hit_rate"])
    assert (found["mrr_at_2"][0], found["hit_rate_at_2"][0]) == (0, 0)
    assert (found["mrr_at_3"][0], found["hit_rate_at_3"][0]) == (pytest.approx(1 / 3), 1)


@pytest.mark.parametrize("seed", range(3))
def test_an_independent_library_agrees(seed):
    rng = np.random.default_rng(seed)
    people, films, k = 40, 60, 20
    lists = np.argsort(rng.random((people, films)), axis=1)[:, :k].astype(np.int32)
    truth = rng.random((people, films)) < rng.uniform(0.02, 0.5, (people, 1))
    truth[:, 0] = True  # everybody has something to find
    relevant = sp.csr_matrix(truth)
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u, i in zip(*relevant.nonzero(), strict=True)]
    run = [ir_measures.ScoredDoc(str(u), str(i), -rank) for u in range(people) for rank, i in enumerate(lists[u])]
    found = list_metrics(find_hits(lists, relevant), np.diff(relevant.indptr), [10, 20], ALL)
    for k in (10, 20):
        theirs = {
            nDCG @ k: "ndcg",
            R @ k: "recall",
            P @ k: "precision",
            AP @ k: "map_by_relevant",
            RR @ k: "mrr",
            Success @ k: "hit_rate",
        }
        for each in ir_measures.iter_calc(list(theirs), qrels, run):
            ours = found[f"{theirs[each.measure]}_at_{k}"][int(each.query_id)]
            assert ours == pytest.approx(each.value, abs=1e-9), (each, k)


def test_both_divisors_of_map_describe_the_same_precisions():
    rng = np.random.default_rng(0)
    hits, relevant = rng.random((50, 10)) < 0.3, rng.integers(10, 30, 50)
    found = list_metrics(hits, relevant, [10], ["map", "map_by_relevant"])
    np.testing.assert_allclose(found["map_at_10"] * 10, found["map_by_relevant_at_10"] * relevant)


def test_weighted_metrics_count_what_a_find_is_worth():
    weights = np.ones(10)
    weights[[7, 1, 4]] = [1 / 100, 1 / 10, 1 / 2]
    found = weighted_metrics(LISTS[:1], np.array(HITS[:1]), RELEVANT[:1], weights, [2, 4])
    total = 0.01 + 0.1 + 0.5
    assert found["weighted_hit_rate_at_2"][0] == pytest.approx(0.01 / total)
    assert found["weighted_hit_rate_at_4"][0] == pytest.approx(0.11 / total)
    best = 0.5 + 0.1 / log2(3) + 0.01 / log2(4)
    assert found["weighted_ndcg_at_4"][0] == pytest.approx((0.01 / log2(3) + 0.1 / log2(5)) / best)


def test_equal_weights_give_the_plain_metrics():
    found = weighted_metrics(LISTS, np.array(HITS), RELEVANT, np.full(10, 0.3), [4])
    plain = list_metrics(np.array(HITS), np.array([3, 1, 1]), [4], ["ndcg", "recall"])
    np.testing.assert_allclose(found["weighted_hit_rate_at_4"], plain["recall_at_4"])
    np.testing.assert_allclose(found["weighted_ndcg_at_4"], plain["ndcg_at_4"])


POPULARITY = np.array([100, 50, 25, 10, 4, 0, 19, 20, 5, 1])


STATS = beyond.CatalogStats(POPULARITY, 100, sp.csr_matrix(np.eye(10, dtype=np.float32)))


def test_novelty_is_the_mean_self_information():
    found = beyond.novelty(np.array([[0, 1], [2, -1], [5, 9]]), STATS)
    np.testing.assert_allclose(found, [(0 + 1) / 2, 2, log2(100)])


def test_popularity_lift_compares_the_list_with_the_history():
    lists = np.array([[0, 1], [2, -1]], dtype=np.int32)
    found = beyond.popularity_lift(lists, replace(STATS, history_popularity=np.array([50.0, 50.0])))
    np.testing.assert_allclose(found, [0.5, -0.5])
    found = beyond.popularity_lift(lists, replace(STATS, history_popularity=np.array([0.0, 50.0])))
    np.testing.assert_allclose(found, [np.nan, -0.5])


def test_diversity_is_one_minus_the_mean_cosine_of_pairs():
    tags = sp.csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [1, 1], [0, 0]], dtype=np.float32))
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 3, -1], [0, 1, 2], [4, 4, -1], [0, -1, -1]], dtype=np.int32)
    found = beyond.diversity(lists, replace(STATS, tags=unit_rows(tags)))
    np.testing.assert_allclose(found, [0, 1, 1 - 0.5**0.5, 2 / 3, 1, np.nan], atol=1e-6)


def test_rare_and_thin_films_are_counted_by_their_training_ratings():
    lists = np.array([[0, 7], [0, 6], [4, 8], [9, -1], [5, 0]], dtype=np.int32)
    np.testing.assert_array_equal(beyond.rare_lists(lists, STATS), [0, 1, 1, 1, 1])
    np.testing.assert_array_equal(beyond.thin_films(lists, STATS), [0, 0, 0.5, 1, 0.5])


def test_coverage_and_gini_of_exposure():
    even, single = np.array([2, 2, 2, 2]), np.array([8, 0, 0, 0])
    assert [float(beyond.coverage(shown)) for shown in (even, single)] == [1, 0.25]
    assert [float(beyond.gini(shown)) for shown in (even, single)] == [0, 0.75]
    np.testing.assert_allclose(beyond.gini(np.array([[1, 3], [0, 5], [0, 0]])), [0.25, 0.5, np.nan])


def test_chance_is_what_random_lists_hit():
    rng = np.random.default_rng(0)
    drawn = np.array([np.isin(rng.choice(30, 5, replace=False), np.arange(4)).any() for _ in range(4000)])
    expected = beyond.chance_hit_rate(np.array([30, 3]), np.array([4, 1]), 5)
    assert drawn.mean() == pytest.approx(expected[0], abs=0.03)
    assert expected[1] == 1
