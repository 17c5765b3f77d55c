"""Data sets without variety: models can be fitted on them, or they are refused with what is missing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from recommender.errors import DataError
from tests.training.datasets.tabular.conftest import write_rows
from training.models import algorithm_class, configure
from training.pipeline.plan import left_out
from training.progress import silent
from training.splits.cut import splits, training_data
from training.splits.protocol import load_protocol
from training.splits.requirements import require_a_protocol

ALL_PAIRS = pd.DataFrame(list(product(range(20), range(15))), columns=["user", "item"])
MODELS = ("popularity", "als", "item_knn", "ease", "content", "svd")
TIMES = np.arange(len(ALL_PAIRS)) * 10 + 1_600_000_000


def ratings(stars, frame=ALL_PAIRS):
    return frame.assign(stars=stars, second=TIMES[: len(frame)])


def make(tmp_path, prepare_source, frame, **keys):
    path = write_rows(tmp_path / "r.csv", frame)
    keys = {"rating": "stars", "time": "second"} | keys
    return prepare_source(interactions=path, user="user", item="item", **keys)


@pytest.mark.parametrize(
    ("frame", "keys"),
    [
        pytest.param(
            ratings(np.where(ALL_PAIRS["item"] % 2, 10, 9)), {"scale": "1:10"}, id="everybody likes everything"
        ),
        pytest.param(ratings(5), {"scale": "1:5"}, id="all ratings are alike"),
        pytest.param(ratings(1), {"rating": None}, id="all are events"),
        pytest.param(ratings(1 + ALL_PAIRS["item"] % 5)[:15], {}, id="one user"),
    ],
)
def test_models_are_fitted_on_it(tmp_path, prepare_source, frame, keys):
    dataset = make(tmp_path, prepare_source, frame, **keys)
    require_a_protocol(dataset)
    data = training_data(dataset, splits(load_protocol("latest20"), dataset, 0)[0])
    for name in set(MODELS) - left_out(dataset).keys():
        arrays = algorithm_class(name)(configure(name)).fit(data, seed=0, progress=silent).arrays
        assert all(np.isfinite(array).all() for array in arrays.values()), name


@pytest.mark.parametrize(
    ("frame", "keys", "missing"),
    [
        pytest.param(
            ratings(1 + ALL_PAIRS["item"] % 3), {"scale": "1:10"},
            {"latest20": "no interaction is a like, 8 or more", "item2item": "no interaction is a like, 8 or more"},
            id="nobody likes anything",
        ),
        pytest.param(
            ratings(1 + ALL_PAIRS["user"] % 5, ALL_PAIRS.assign(item=7)).drop_duplicates("user"), {},
            {"latest20": "needs a user with 10 interactions or more; the most of one user are 1",
             "item2item": "needs a user with 5 likes (4 or more) or more; the most of one user are 1"},
            id="one item",
        ),
        pytest.param(
            ratings(1, ALL_PAIRS.assign(item=7)), {"rating": None},
            {"temporal": "no user with 6 interactions has them with more than one item"},
            id="one item many times",
        ),
        pytest.param(
            ratings(1 + ALL_PAIRS["item"] % 5, pd.DataFrame({"user": range(300), "item": range(300)})),
            {}, {"latest20": "needs a user with 10 interactions or more; the most of one user are 1"},
            id="as many items and users as ratings",
        ),
    ],
)  # fmt: skip
def test_it_is_refused_once_with_what_each_protocol_misses(tmp_path, prepare_source, frame, keys, missing):
    dataset = make(tmp_path, prepare_source, frame, **keys)
    with pytest.raises(DataError) as refusal:
        require_a_protocol(dataset)
    for protocol, reason in missing.items():
        assert f"\n  {protocol}: {reason}\n" in str(refusal.value)


def test_one_value_shows_no_scale(tmp_path, prepare_source):
    with pytest.raises(DataError, match="Every rating in the column stars is 5, so that no scale can be seen"):
        make(tmp_path, prepare_source, ratings(5))
