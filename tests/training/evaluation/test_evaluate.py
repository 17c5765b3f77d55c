"""Models whose scores are written down, judged: masks, ties, leaks, people left out, queries, stars, means of runs."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import numpy as np
import pytest

from recommender.errors import DataError, UsageError
from recommender.feedback import Feedback
from tests.training.evaluation.builders import dataset_of, protocol_of, random_dataset, split_of, written_model
from training.evaluation.evaluate import combine, evaluate
from training.evaluation.lists import Queries, similar_lists
from training.splits.cut import Split, splits
from training.splits.protocol import load_protocol

# Person 0 rated films 0-3, person 1 films 0, 1 and 4; person 2 films 1 and 2 and likes nothing of the test part.
USERS = [0, 0, 0, 0, 1, 1, 1, 2, 2]
MOVIES = [0, 1, 2, 3, 0, 1, 4, 1, 2]
STARS = [5, 5, 5, 4, 5, 3, 5, 5, 1]
TEST = [0, 0, 1, 1, 0, 0, 1, 0, 1]
BEYOND = ["coverage", "gini", "novelty", "popularity_lift", "diversity", "rare_lists", "thin_films"]


@pytest.fixture
def dataset():
    return dataset_of(USERS, MOVIES, STARS, n_movies=6)


def judged(tmp_path, dataset, protocol, split=None, **scores):
    split = split or split_of(dataset, protocol, TEST)
    return evaluate(written_model(tmp_path / "bundle", dataset, split, **scores), dataset, split, protocol, seed=0)


def test_training_films_are_masked_and_ties_go_to_the_lower_row(tmp_path, dataset):
    people = np.zeros((3, 6))
    people[0, [0, 1]] = 9  # only what is known already
    found = judged(tmp_path, dataset, protocol_of(), people=people)
    assert found.users.tolist() == [1, 2, 3]
    # Ties: person 0 sees films 2, 3, 4, 5; person 1 films 2, 3, 4, 5.
    np.testing.assert_allclose(found.per_user["precision_at_2"][:2], [1, 0])
    np.testing.assert_allclose(found.per_user["ndcg_at_4"][:2], [1, 1 / log2(4)])
    np.testing.assert_allclose(found.per_user["mrr_at_4"][:2], [1, 1 / 3])


def test_people_without_a_relevant_test_film_are_left_out_and_counted(tmp_path, dataset):
    found = judged(tmp_path, dataset, protocol_of())
    assert np.isnan(found.per_user["ndcg_at_2"][2])
    assert found.overall["users"] == 2
    assert found.overall["users_without_relevant"] == 1
    assert found.metric("precision_at_2").value == pytest.approx(0.5)


def test_every_figure_carries_its_protocol_and_has_an_interval(tmp_path, dataset):
    protocol = protocol_of(name="named", metrics=["ndcg", "hit_rate", *BEYOND])
    found = combine([judged(tmp_path, dataset, protocol)])
    assert {metric.protocol for metric in found.metrics} == {"named"}
    assert (found.protocol, found.dataset, found.fingerprint, found.seed) == ("named", "toy", "toy", 0)
    for metric in found.metrics:
        if not metric.name.startswith("users"):
            assert metric.lo is not None, metric.name
            assert metric.lo <= metric.value + 1e-12, metric.name
            assert metric.value <= (metric.hi or 0) + 1e-12, metric.name


def test_beyond_accuracy_of_visible_lists(tmp_path, dataset):
    people = np.tile([0, 0, 5, 4, 0, 0], (3, 1))  # everybody sees films 2 and 3
    found = judged(tmp_path, dataset, protocol_of(k=[2], metrics=["ndcg", *BEYOND]), people=people)
    assert found.overall["coverage_at_2"] == pytest.approx(2 / 6)
    assert found.overall["gini_at_2"] == pytest.approx(4 / 6)
    assert found.metric("rare_lists_at_2").value == 1
    assert found.metric("thin_films_at_2").value == 1
    assert found.metric("diversity_at_2").value == 1
    assert found.metric("novelty_at_2").value == pytest.approx(log2(3))
    # Films 2 and 3 have no training rating.
    assert found.metric("popularity_lift_at_2").value == -1
    assert found.arrays["exposure"].tolist() == [0, 0, 2, 2, 0, 0]
    assert found.arrays["popularity"].tolist() == [2, 3, 0, 0, 0, 0]


def test_people_without_training_ratings_have_no_lift_and_rated_zeros_count_for_the_others(tmp_path):
    dataset = dataset_of([0, 0, 0, 1, 2, 2, 2], [0, 1, 2, 0, 1, 3, 2], [4, 4, 5, 5, 5, 0, 5], n_movies=6)
    dataset = replace(dataset, feedback=Feedback.scale(0, 5, 1))
    protocol = protocol_of(k=[2], metrics=["ndcg", *BEYOND])
    found = judged(tmp_path, dataset, protocol, split_of(dataset, protocol, [0, 0, 1, 1, 0, 0, 1]))
    # Person 0 rated films of popularity 1 and 2 and sees 0 and 1; person 2 rated 2 and 1 and sees 1 and 0.
    np.testing.assert_allclose(found.per_user["popularity_lift_at_2"], [0.5 / 1.5 - 1, np.nan, 0.5 / 1.5 - 1])


def test_that_nobody_has_a_relevant_test_film_is_said_in_words(tmp_path, dataset):
    found = combine([judged(tmp_path, dataset, protocol_of(relevance=5.5, metrics=["ndcg", *BEYOND]))])
    with pytest.raises(DataError, match="no test user has a relevant item"):
        found.metric("ndcg_at_2")
    assert all(np.isfinite(metric.value) for metric in found.metrics)


def test_every_test_row_is_relevant_where_the_protocol_says_so(tmp_path, dataset):
    found = judged(tmp_path, dataset, protocol_of(relevance=None))
    assert found.overall["users"] == 3
    assert not np.isnan(found.per_user["ndcg_at_2"]).any()


def test_a_model_that_saw_the_test_part_is_refused(tmp_path, dataset):
    protocol = protocol_of()
    split = split_of(dataset, protocol, TEST)
    everything = split_of(dataset, protocol, np.zeros(9))
    leaked = written_model(tmp_path / "bundle", dataset, split, history=everything)
    with pytest.raises(DataError, match="5 training ratings, found one fitted on 9"):
        evaluate(leaked, dataset, split, protocol, seed=0)


def test_a_model_of_other_data_is_refused(tmp_path, dataset):
    protocol = protocol_of()
    other = dataset_of(USERS, MOVIES, STARS, n_movies=7)
    model = written_model(tmp_path / "bundle", other, split_of(other, protocol, TEST))
    with pytest.raises(DataError, match="films and users of toy"):
        evaluate(model, dataset, split_of(dataset, protocol, TEST), protocol, seed=0)


def test_blocks_change_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    dataset, protocol = random_dataset(rng), protocol_of(metrics=["ndcg", "map", *BEYOND])
    split = splits(protocol, dataset, 0)[0]
    model = written_model(tmp_path / "bundle", dataset, split, people=rng.random((30, 30)))
    whole = evaluate(model, dataset, split, protocol, seed=0)
    monkeypatch.setattr("training.evaluation.lists.BLOCK_CELLS", 70)
    done: list[float] = []
    blocks = evaluate(model, dataset, split, protocol, seed=0, progress=lambda what, share: done.append(share))
    assert len(done) > 5
    assert done == sorted(done)
    assert done[-1] == 1
    assert blocks.metrics == whole.metrics


class ShowsHistory:
    """Ranks what a person was said to have rated: notes it, and scores film 3 best."""

    def __init__(self):
        self.shown = {}

    def folded(self, ratings):
        self.shown["folded"] = ratings.toarray()
        scores = np.zeros(ratings.shape, dtype=np.float32)
        scores[:, 3] = 1
        return scores

    def known(self, user_rows, history):
        self.shown["known"] = user_rows
        return self.folded(history)


def test_held_out_people_are_folded_in_by_what_the_split_shows(tmp_path, dataset):
    protocol = protocol_of()
    shown = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    train = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=bool)
    test = [0, 0, 1, 1, 0, 0, 0, 0, 0]
    split = split_of(dataset, protocol, test, train=train, masked=shown, fold_in=shown)
    model = written_model(tmp_path / "bundle", dataset, split)
    scorer = ShowsHistory()
    vars(model)["user_scorer"] = scorer
    found = evaluate(model, dataset, split, protocol, seed=0)
    assert "known" not in scorer.shown
    assert scorer.shown["folded"].tolist() == [[5, 5, 0, 0, 0, 0]]
    # Film 3 first, then film 2, as 0 and 1 are masked: both are relevant.
    assert found.per_user["precision_at_2"].tolist() == [1]


def test_known_people_are_asked_for_as_known(tmp_path, dataset):
    protocol = protocol_of()
    split = split_of(dataset, protocol, TEST)
    model = written_model(tmp_path / "bundle", dataset, split)
    scorer = ShowsHistory()
    vars(model)["user_scorer"] = scorer
    evaluate(model, dataset, split, protocol, seed=0)
    assert scorer.shown["known"].tolist() == [0, 1]
    assert scorer.shown["folded"].tolist() == [[5, 5, 0, 0, 0, 0], [5, 3, 0, 0, 0, 0]]


QUERIES = [1, 0, 0, 0, 0, 0, 0, 0, 0]


def item_protocol(**changes):
    rule = {"kind": "latest_likes", "share": 0.2, "min_likes": 2, "queries": 5}
    metrics = ["hit_rate", "ndcg", "weighted_hit_rate", "weighted_ndcg", "coverage", "novelty"]
    return protocol_of(**({"judges": "item_scorer", "split": rule, "metrics": metrics, "k": [1, 2]} | changes))


def test_films_are_judged_with_and_without_what_the_person_had_rated(tmp_path, dataset):
    films = np.zeros((6, 6))
    films[0] = [9, 8, 7, 0, 0, 0]  # like itself, then film 1 (rated by person 0), then film 2 (held out)
    protocol = item_protocol()
    split = split_of(dataset, protocol, TEST, queries=np.array(QUERIES, dtype=bool))
    found = judged(tmp_path, dataset, protocol, split, films=films)
    assert found.users.tolist() == [1]
    assert found.metric("hit_rate_at_1").value == 0
    assert found.metric("hit_rate_at_2").value == 1
    assert found.metric("masked_hit_rate_at_1").value == 1
    # Films 2 and 3 are held out; neither has a training rating, so each is worth the same.
    assert found.metric("weighted_hit_rate_at_2").value == pytest.approx(0.5)
    assert found.metric("masked_weighted_hit_rate_at_2").value == pytest.approx(1.0)
    assert found.overall["queries"] == 1
    assert not any(name.startswith("masked_novelty") for name in found.per_user)


def test_chance_is_that_of_the_films_a_list_could_show(tmp_path, dataset):
    protocol = item_protocol(metrics=["hit_rate", "chance_hit_rate"], k=[1])
    split = split_of(dataset, protocol, TEST, queries=np.array(QUERIES, dtype=bool))
    found = judged(tmp_path, dataset, protocol, split)
    # Two of five other films are relevant; one of the five, film 1, has been rated.
    assert found.metric("chance_hit_rate_at_1").value == pytest.approx(2 / 5)
    assert found.metric("masked_chance_hit_rate_at_1").value == pytest.approx(2 / 4)


@pytest.mark.parametrize("depth", [3, 8, 200])
def test_lists_without_seen_films_are_the_same_however_deep_they_are_cut_from(tmp_path, monkeypatch, depth):
    rng = np.random.default_rng(0)
    dataset, protocol = random_dataset(rng), load_protocol("item2item")
    split = splits(protocol, dataset, 0)[0]
    likeness = rng.integers(0, 4, (30, 30))  # many ties
    model = written_model(tmp_path / "bundle", dataset, split, films=likeness)
    monkeypatch.setattr("training.evaluation.lists.DEPTH", depth)
    monkeypatch.setattr("training.evaluation.lists.SMALL_BLOCKS", 4)
    assert split.queries is not None
    rows = np.flatnonzero(split.queries)
    order = np.argsort(dataset.movie_rows[rows], kind="stable")
    users, films = (each[rows][order].astype(np.int64) for each in (dataset.user_rows, dataset.movie_rows))
    masked = dataset.user_item(split.masked)
    found = similar_lists(model, Queries(users, films), masked, 5, lambda what, share: None)
    for user, film, shown in zip(users, films, found.masked, strict=True):
        left = [other for other in range(30) if other != film and other not in set(masked[[user]].indices)]
        expected = sorted(left, key=lambda other: (-likeness[film, other], other))[:5]
        assert shown[shown >= 0].tolist() == expected


def test_a_film_never_leads_to_its_second_entry(tmp_path):
    dataset = dataset_of(USERS, MOVIES, STARS, n_movies=6, twins=[(5, 0)])
    films = np.zeros((6, 6))
    films[0] = [0, 0, 7, 0, 0, 9]
    protocol = item_protocol()
    split = split_of(dataset, protocol, TEST, queries=np.array(QUERIES, dtype=bool))
    found = judged(tmp_path, dataset, protocol, split, films=films)
    assert found.metric("hit_rate_at_1").value == 1
    assert found.arrays["exposure"].tolist() == [0, 0, 1, 0, 0, 0]


def test_rare_finds_are_worth_more(tmp_path):
    # Film 1 has four training ratings, film 2 one; person 0 holds out both.
    dataset = dataset_of([0, 0, 0, 1, 2, 3, 4, 4], [0, 1, 2, 1, 1, 1, 1, 2], [5] * 8, n_movies=4)
    protocol = item_protocol()
    parts = {"queries": np.array([1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)}
    split = split_of(dataset, protocol, [0, 1, 1, 0, 0, 0, 0, 0], **parts)
    popular, rare = np.zeros((2, 4, 4))
    popular[0, 1] = rare[0, 2] = 1
    found = [
        judged(tmp_path / name, dataset, protocol, split, films=films).metric("weighted_hit_rate_at_1").value
        for name, films in (("popular", popular), ("rare", rare))
    ]
    assert found == pytest.approx([(1 / 4) / (1 / 4 + 1), 1 / (1 / 4 + 1)])


def test_queries_are_averaged_within_the_person_first(tmp_path):
    # Person 0 has three queries of which one finds, person 1 one query that finds: 2/3, not 1/2.
    dataset = dataset_of([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 4], [5] * 6, n_movies=6)
    protocol = item_protocol(k=[2])
    queries = np.array([1, 1, 1, 0, 1, 0], dtype=bool)
    split = split_of(dataset, protocol, [0, 0, 0, 1, 0, 1], queries=queries)
    films = np.zeros((6, 6))
    films[0, [3, 4]] = 5
    found = judged(tmp_path, dataset, protocol, split, films=films)
    np.testing.assert_allclose(found.per_user["hit_rate_at_2"], [1 / 3, 1])
    assert found.metric("hit_rate_at_2").value == pytest.approx(2 / 3)


def test_predicted_stars_are_clipped_and_pooled_over_ratings(tmp_path, dataset):
    stars = np.full((3, 6), 3.0)
    stars[0, 2] = 99.0  # clipped to the highest training rating, 5
    protocol = protocol_of(judges="rating_scorer", k=[], metrics=["rmse", "mae"], relevance=None)
    found = judged(tmp_path, dataset, protocol, stars=stars)
    errors = np.array([5 - 5, 3 - 4, 3 - 5, 3 - 1])
    assert found.metric("rmse").value == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert found.metric("mae").value == pytest.approx(np.mean(np.abs(errors)))
    np.testing.assert_allclose(found.per_user["test_ratings"], [2, 1, 1])
    sums = found.arrays["calibration"]
    assert sums[:, 2].sum() == 4
    assert sums[5].tolist() == [9, 10, 3]  # three predictions of 3 stars for ratings of 4, 5 and 1


def test_ranking_protocols_report_stars_where_the_model_predicts_them(tmp_path, dataset):
    protocol = protocol_of(metrics=["ndcg", "rmse", "mae"])
    with_stars = judged(tmp_path / "a", dataset, protocol, stars=np.full((3, 6), 4.0))
    without = judged(tmp_path / "b", dataset, protocol)
    assert with_stars.metric("rmse").value == pytest.approx(np.sqrt((1 + 0 + 1 + 9) / 4))
    assert "rmse" not in without.per_user
    with pytest.raises(UsageError, match="ndcg_at_2"):
        without.metric("rmse")


def test_a_model_without_stars_cannot_be_judged_by_them(tmp_path, dataset):
    protocol = protocol_of(judges="rating_scorer", k=[], metrics=["rmse"])
    with pytest.raises(UsageError, match="this written has none"):
        judged(tmp_path, dataset, protocol)


def test_folds_are_pooled_over_all_ratings(tmp_path):
    rng = np.random.default_rng(0)
    dataset, protocol = random_dataset(rng), load_protocol("cv5")
    stars = rng.uniform(1, 5, (30, 30))
    folds = [
        evaluate(written_model(tmp_path / str(at), dataset, split, stars=stars), dataset, split, protocol, seed=0)
        for at, split in enumerate(splits(protocol, dataset, 0))
    ]
    found = combine(folds)
    predicted = np.clip(stars[dataset.user_rows, dataset.movie_rows].astype(np.float32), 1, 5)
    errors = predicted - dataset.ratings["rating"].to_numpy()
    assert found.metric("rmse").value == pytest.approx(float(np.sqrt(np.mean(errors.astype(float) ** 2))))
    assert found.per_user["test_ratings"].sum() == len(errors)
    assert found.arrays["calibration"][:, 2].sum() * 5 == len(errors)


def test_seeds_are_averaged_person_by_person(tmp_path, dataset):
    protocol = protocol_of(metrics=["ndcg", "coverage"])
    good, bad = np.zeros((2, 3, 6))
    good[0, [2, 3]], good[1, 4] = 5, 5
    bad[:, 5] = 5
    both = [judged(tmp_path / str(at), dataset, protocol, people=p) for at, p in enumerate((good, bad))]
    found = combine(both)
    np.testing.assert_allclose(
        found.per_user["ndcg_at_2"], (both[0].per_user["ndcg_at_2"] + both[1].per_user["ndcg_at_2"]) / 2
    )
    assert found.overall["coverage_at_2"] == pytest.approx(np.mean([each.overall["coverage_at_2"] for each in both]))
    assert found.metric("coverage_at_2").lo is not None


def test_people_of_one_split_only_keep_their_value(tmp_path, dataset):
    protocol = protocol_of()
    first = judged(tmp_path / "a", dataset, protocol)
    other: Split = split_of(dataset, protocol, [0, 0, 1, 1, 0, 0, 0, 0, 0])
    second = judged(tmp_path / "b", dataset, protocol, other, people=np.tile([0, 0, 0, 0, 5, 5], (3, 1)))
    found = combine([first, second])
    np.testing.assert_allclose(found.per_user["precision_at_2"][:2], [0.5, first.per_user["precision_at_2"][1]])


def test_only_like_is_averaged_with_like(tmp_path, dataset):
    one = judged(tmp_path / "a", dataset, protocol_of())
    other = judged(tmp_path / "b", dataset, protocol_of(name="other"))
    with pytest.raises(UsageError, match="one protocol"):
        combine([one, other])
