"""The compiled descent against stock Surprise, and the grid of disjoint blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import surprise

from training.kernels.sgd import make_grid
from training.models.factors.svd import ArraySVD, ArrayTrainset

OPTIONS: dict[str, Any] = {"n_factors": 7, "n_epochs": 12, "lr_all": 0.01, "reg_all": 0.03}


@pytest.fixture(scope="module")
def ratings():
    """2,000 ratings by 120 people of 60 films, in random order."""
    rng = np.random.default_rng(0)
    cells = rng.permutation(120 * 60)[:2000]
    stars = np.clip(np.rint(3 + rng.normal(size=2000)), 1, 5)
    return pd.DataFrame({"user": cells // 60, "item": cells % 60, "stars": stars})


@pytest.fixture(scope="module")
def stock(ratings):
    return surprise.Dataset.load_from_df(ratings, surprise.Reader(rating_scale=(0.5, 5))).build_full_trainset()


@pytest.fixture(scope="module")
def same_rows(stock):
    """The stock trainset as arrays: the same inner ids and the same order of ratings."""
    users, items, stars = map(np.array, zip(*stock.all_ratings(), strict=True))
    return ArrayTrainset(users.astype(np.int32), items.astype(np.int32), stars, (stock.n_users, stock.n_items))


def test_in_float64_and_surprises_order_the_factors_are_surprises(stock, same_rows):
    theirs = surprise.SVD(random_state=3, **OPTIONS).fit(stock)
    ours = ArraySVD(random_state=3, blocks=1, dtype=np.float64, **OPTIONS).fit(same_rows)
    for name in ("pu", "qi", "bu", "bi"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=0, atol=1e-9, err_msg=name)


def test_separate_rates_and_regularization_are_followed(stock, same_rows):
    options: dict[str, Any] = {
        "lr_bu": 0.02,
        "lr_qi": 0.004,
        "reg_bi": 0.5,
        "reg_pu": 0.1,
        "init_mean": 0.1,
        "init_std_dev": 0.3,
    }
    theirs = surprise.SVD(random_state=3, **OPTIONS, **options).fit(stock)
    ours = ArraySVD(random_state=3, blocks=1, dtype=np.float64, **OPTIONS, **options).fit(same_rows)
    np.testing.assert_allclose(ours.qi, theirs.qi, rtol=0, atol=1e-9)


def test_in_its_own_order_and_precision_it_predicts_as_well(ratings):
    data = surprise.Dataset.load_from_df(ratings, surprise.Reader(rating_scale=(0.5, 5)))
    errors = []
    for train, test in surprise.model_selection.KFold(5, random_state=0).split(data):
        users, items, stars = map(np.array, zip(*train.all_ratings(), strict=True))
        matrix = sp.csr_matrix(sp.coo_matrix((stars, (users, items)), shape=(train.n_users, train.n_items)))
        theirs = surprise.SVD(random_state=3, **OPTIONS).fit(train)
        ours = ArraySVD(random_state=3, **OPTIONS).fit(ArrayTrainset.from_matrix(matrix))
        ours.trainset = train  # the test part names raw ids
        errors.append([surprise.accuracy.rmse(each.test(test), verbose=False) for each in (theirs, ours)])
    assert np.ptp(np.mean(errors, axis=0)) < 0.002


def test_it_keeps_surprises_interface(stock, same_rows):
    svd = ArraySVD(random_state=3, **OPTIONS).fit(same_rows)
    assert 0.5 <= svd.predict(0, 0).est <= 5
    assert svd.predict("nobody", 10**9).est == pytest.approx(same_rows.global_mean)
    assert len(svd.test(same_rows.build_testset())) == 2000
    assert dict(same_rows.ur) == dict(stock.ur)
    assert {film: sorted(each) for film, each in same_rows.ir.items()} == {k: sorted(v) for k, v in stock.ir.items()}


def test_the_threads_do_not_change_the_result(same_rows):
    fits = [ArraySVD(random_state=3, threads=threads, **OPTIONS).fit(same_rows) for threads in (1, 2, 5)]
    for other in fits[1:]:
        np.testing.assert_array_equal(fits[0].pu, other.pu)
        np.testing.assert_array_equal(fits[0].qi, other.qi)


def test_each_round_holds_every_user_and_every_film_in_one_block_only(ratings):
    users, items = (ratings[side].to_numpy(dtype=np.int32) for side in ("user", "item"))
    stars = ratings["stars"].to_numpy(dtype=np.float32)
    grid = make_grid(users, items, stars, (np.bincount(users), np.bincount(items)), 4)
    seen = []
    for blocks in grid.rounds.tolist():
        for side in (grid.users, grid.items):
            sets = [set(side[first:last]) for first, last in blocks]
            assert sum(map(len, sets)) == len(set().union(*sets))
        seen += [at for first, last in blocks for at in range(first, last)]
    assert sorted(seen) == list(range(len(ratings)))
    assert set(zip(grid.users, grid.item_order[grid.items], grid.ratings, strict=True)) == set(
        zip(users, items, stars, strict=True)
    )


def test_users_of_a_block_take_turns_and_each_keeps_their_order(ratings):
    ordered = ratings.sort_values("user", kind="stable")
    users, items = (ordered[side].to_numpy(dtype=np.int32) for side in ("user", "item"))
    stars = np.arange(len(users), dtype=np.float32)  # tells the ratings apart
    grid = make_grid(users, items, stars, (np.bincount(users), np.bincount(items)), 2)
    for first, last in [block for blocks in grid.rounds.tolist() for block in blocks]:
        assert np.mean(np.diff(grid.users[first:last]) != 0) > 0.9
        for user in set(grid.users[first:last]):
            assert (np.diff(grid.ratings[first:last][grid.users[first:last] == user]) > 0).all()
