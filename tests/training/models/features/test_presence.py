"""The control that knows which blocks of features a film has, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.errors import UsageError
from tests.training.small import small_dataset
from training.models import make
from training.pipeline.plan import make_plan
from training.progress import silent


def embedding(data, seed=0):
    return make("presence").fit(data, seed=seed, progress=silent).arrays["presence_embedding"]


@pytest.fixture
def partly(data):
    """Every second film lacks its director."""
    matrix = data.tags.matrix.toarray()
    matrix[::2, 2:] = 0
    return replace(data, tags=replace(data.tags, matrix=sp.csr_matrix(matrix)))


def test_films_with_the_same_blocks_are_alike_and_no_others(partly):
    vectors = embedding(partly)
    similarity = vectors @ vectors.T
    same = (np.arange(len(vectors))[:, None] - np.arange(len(vectors))) % 2 == 0
    assert similarity[same].min() > 0.999
    assert similarity[~same].max() < 0.8


def test_what_the_features_say_does_not_matter(partly):
    other = replace(partly.tags, matrix=(partly.tags.matrix * 0.5 + partly.tags.matrix.power(2)).tocsr())
    np.testing.assert_array_equal(embedding(partly), embedding(replace(partly, tags=other)))


def test_ties_are_broken_at_random(partly):
    first, second = (np.argsort(-(vectors @ vectors[1])) for vectors in (embedding(partly), embedding(partly, seed=1)))
    assert first.tolist() != second.tolist()


def test_it_is_judged_and_never_trained():
    with pytest.raises(UsageError, match="movierec evaluate --model presence"):
        make_plan("presence", small_dataset())
