"""Lists of any origin under every convention: visible fractions, and two other libraries' own figures."""

from __future__ import annotations

from math import log2

import ir_measures
import numpy as np
import pytest
import scipy.sparse as sp
import surprise
from implicit.evaluation import ranking_metrics_at_k
from implicit.nearest_neighbours import ItemItemRecommender
from ir_measures import AP, RR, P, R, nDCG

from recommender.errors import DataError
from training.evaluation.conventions import (
    AS_GIVEN,
    EVERYBODY,
    LISTED,
    RATING_CONVENTIONS,
    TESTED,
    WITHOUT_TRAIN,
    WITHOUT_VALID,
    read_judged,
    read_predictions,
)

K = 10


def figures(judged, k=K, *, mask=AS_GIVEN, users=TESTED):
    return {
        (score.convention.metric, score.convention.formula): score.value
        for score in judged.scores([k])
        if (score.mask, score.users) == (mask, users)
    }


def by_metric(values, metric):
    return [value for (name, _), value in values.items() if name == metric]


@pytest.fixture
def written(tmp_path):
    """User 1 has test items a and b, user 2 has c, user 3 only a list, user 4 only a test item."""
    parts = {
        "lists": "user,item\n1,t\n1,a\n1,x\n2,x\n2,c\n2,y\n3,a\n",
        "test": "user,item,rating\n1,a,5\n1,b,4\n2,c,2\n4,a,5\n",
        "train": "user,item\n1,t\n9,a\n",
    }
    for name, text in parts.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "lists", tmp_path / "test", tmp_path / "train"


def test_each_convention_is_a_visible_fraction(written):
    values = figures(read_judged(*written), 3)
    second, ideals = 1 / log2(3), np.cumsum([1, 1 / log2(3), 1 / 2])
    # Users 1, 2 and 4: a hit at rank 2 of two relevant, a hit at rank 2 of one, no list.
    assert by_metric(values, "nDCG") == pytest.approx(
        [(second / ideals[1] + second) / 3, 2 * second / ideals[2] / 3, (second / ideals[1] + second) / 3]
    )
    assert by_metric(values, "recall") == pytest.approx([1.5 / 3, 1.5 / 3, 2 / 4])
    assert by_metric(values, "precision") == pytest.approx([2 / 9])
    assert by_metric(values, "MAP") == pytest.approx([(1 / 4 + 1 / 2) / 3] * 2)
    assert by_metric(figures(read_judged(*written), 1, mask=WITHOUT_TRAIN), "recall") == pytest.approx(
        [1 / 6, 1 / 3, 1 / 3]
    )


def test_masks_and_users_without_test_items_can_go_either_way(written):
    judged = read_judged(*written)
    assert (judged.without_relevant, judged.without_list) == (1, 1)
    assert by_metric(figures(judged, 1), "hit rate") == [0]
    assert by_metric(figures(judged, 1, mask=WITHOUT_TRAIN), "hit rate") == pytest.approx([1 / 3])
    assert by_metric(figures(judged, 1, mask=WITHOUT_TRAIN, users=EVERYBODY), "hit rate") == pytest.approx([1 / 4])
    assert by_metric(figures(judged, 1, mask=WITHOUT_TRAIN, users=LISTED), "hit rate") == pytest.approx([1 / 2])


def test_validation_items_can_be_removed_with_those_of_training(written, tmp_path):
    (tmp_path / "valid").write_text("user,item\n2,x\n3,a\n8,c\n")
    lists, test, train = written
    judged = read_judged(lists, test, train, tmp_path / "valid")
    # User 2's list was x, c, y: without the validation item x it begins with the test item c.
    assert by_metric(figures(judged, 1, mask=WITHOUT_VALID), "hit rate") == pytest.approx([2 / 3])


def test_predicted_ratings_are_judged_over_rows_and_by_user(tmp_path):
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 9, 60), np.arange(60)
    stars, predicted = rng.integers(1, 6, 60), rng.uniform(1, 5, 60)
    np.save(tmp_path / "predicted.npy", np.column_stack([users, items, predicted])[::-1][:50])
    np.savetxt(tmp_path / "test", np.column_stack([users, items, stars]), fmt="%d", delimiter=",")
    judged = read_predictions(tmp_path / "predicted.npy", tmp_path / "test")
    assert judged.missing == 10
    rows = list(zip(users[10:], items[10:], stars[10:], predicted[10:], strict=True))
    theirs = {"RMSE": surprise.accuracy.rmse, "MAE": surprise.accuracy.mae}
    for rule in RATING_CONVENTIONS:
        groups = [[row for row in rows if row[0] == user] for user in np.unique(users[10:])] if rule.by_user else [rows]
        expected = np.mean([theirs[rule.metric]([(*row, None) for row in of], verbose=False) for of in groups])
        assert rule.value(judged.errors, judged.users) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(DataError, match="there are none"):
        read_predictions(tmp_path / "predicted.npy", text(tmp_path / "other", "70,1,5\n"))
    with pytest.raises(DataError, match="found several"):
        read_predictions(text(tmp_path / "twice", "1,2,3\n1,2,4\n"), tmp_path / "test")


def text(path, content):
    path.write_text(content)
    return path


def test_a_threshold_decides_what_is_relevant_and_a_score_what_comes_first(written, tmp_path):
    lists, test, _ = written
    assert by_metric(figures(read_judged(lists, test, like=4), 3), "recall")[0] == pytest.approx(0.5 / 2)
    with pytest.raises(DataError, match="at least 6"):
        read_judged(lists, test, like=6)
    lists.write_text("user,item,score\n1,x,0.1\n1,a,0.9\n2,c,0.2\n2,x,0.3\n")
    assert by_metric(figures(read_judged(lists, test), 1), "hit rate") == pytest.approx([1 / 3])


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    cells = rng.random((60, 50)) < 0.35
    is_test = cells & (rng.random(cells.shape) < 0.3)
    return tuple(sp.csr_matrix(mask.astype(np.float64)) for mask in (cells & ~is_test, is_test))


@pytest.fixture(scope="module")
def model(split):
    model = ItemItemRecommender(K=50, num_threads=1)
    model.fit(split[0], show_progress=False)
    return model


@pytest.fixture(scope="module")
def files(split, model, tmp_path_factory):
    """The lists that implicit recommends, and the split, as files."""
    root = tmp_path_factory.mktemp("lists")
    train, test = split
    items, _ = model.recommend(np.arange(60), train, N=K)
    lines = [" ".join(map(str, [user, *of_user])) for user, of_user in enumerate(items)]
    (root / "lists").write_text("\n".join(lines))
    for name, part in (("train", train), ("test", test)):
        rows, columns = part.nonzero()
        lines = [f"{user},{item}" for user, item in zip(rows, columns, strict=True)]
        (root / name).write_text("\n".join(["user,item", *lines]))
    return root / "lists", root / "test", root / "train"


def test_figures_of_implicit_are_those_under_its_conventions(split, model, files):
    theirs = ranking_metrics_at_k(model, *split, K=K, show_progress=False, num_threads=1)
    values = figures(read_judged(*files))
    assert values["nDCG", "ideal over min(k, relevant)"] == pytest.approx(theirs["ndcg"], abs=1e-6)
    assert values["MAP", "sum / min(k, relevant)"] == pytest.approx(theirs["map"], abs=1e-6)
    assert values["recall", "all hits / sum of min(k, relevant)"] == pytest.approx(theirs["precision"], abs=1e-6)


def test_figures_of_trec_eval_are_those_under_its_conventions(split, model, files):
    items, _ = model.recommend(np.arange(60), split[0], N=K)
    run = [ir_measures.ScoredDoc(str(u), str(i), -rank) for u, of in enumerate(items) for rank, i in enumerate(of)]
    relevant = [ir_measures.Qrel(str(u), str(i), 1) for u, i in zip(*split[1].nonzero(), strict=True)]
    theirs = ir_measures.calc_aggregate([nDCG, nDCG @ K, AP @ K, R @ K, P @ K, RR @ K], relevant, run)
    values = figures(read_judged(*files))
    for measure, name in (
        (nDCG, ("nDCG", "ideal over all relevant, not cut")),
        (nDCG @ K, ("nDCG", "ideal over min(k, relevant)")),
        (AP @ K, ("MAP", "sum / relevant")),
        (R @ K, ("recall", "hits / relevant")),
        (P @ K, ("precision", "hits / k")),
        (RR @ K, ("MRR", "1 / rank of the first hit")),
    ):
        assert values[name] == pytest.approx(theirs[measure], abs=1e-6), name
