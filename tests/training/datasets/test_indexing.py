"""Raw ids to rows and ratings to a matrix, in every order of the ratings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.films.ids import IdMap
from training.datasets import indexing
from training.datasets.indexing import count_ids, distinct_ids, rating_matrix, rows_of

IDS = st.lists(st.integers(0, 400) | st.integers(2**30, 2**31 - 1), min_size=1, max_size=40)
PAIRS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=60)


@given(IDS, st.lists(st.integers(-5, 2**31 - 1), max_size=20))
def test_rows_are_those_of_the_id_map(raw, asked):
    ids = distinct_ids(np.array(raw, dtype=np.int32))
    assert ids.ids.tolist() == sorted(set(raw))
    wanted = np.array([*raw, *asked], dtype=np.int32)
    assert rows_of(wanted, ids).tolist() == ids.rows(wanted).tolist()


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
@given(pairs=PAIRS, ordered=st.booleans())
def test_the_matrix_holds_every_rating(step, pairs, ordered):
    pairs = sorted(set(pairs)) if ordered else pairs
    users, movies = (np.array(column, dtype=np.int32) for column in zip(*pairs, strict=True))
    stars = np.arange(1, len(pairs) + 1, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "_STEP", step)
        matrix = rating_matrix(users, movies, stars, distinct_ids(users), IdMap(np.arange(1, 10)))
        assert count_ids(movies, IdMap(np.arange(10))).tolist() == np.bincount(movies, minlength=10).tolist()
    expected = np.zeros((len(set(users.tolist())), 9), dtype=np.float32)
    np.add.at(expected, (distinct_ids(users).rows(users), movies - 1), stars)
    assert matrix.toarray().tolist() == expected.tolist()
    assert matrix.has_sorted_indices
    assert matrix.nnz == len(set(pairs))
