"""New films in `cold` are as on the day of their release: nothing that viewers gave reaches a list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.small import small_dataset
from training.datasets.dataset import TagMatrix
from training.datasets.features.tag_matrix import without_blocks
from training.evaluation.evaluate import evaluate
from training.models import configure
from training.models.fits import FitCache
from training.pipeline.judge import TrainingSplit, fit
from training.progress import silent
from training.splits.cut import all_ratings, splits, training_data
from training.splits.protocol import load_protocol

PROTOCOL = load_protocol("cold")
WIDTHS = {"genres": 4, "era": 3, "directors": 5, "actors": 5, "people": 5, "text": 8, "user_tags": 6, "genome": 6}
HIDDEN = [name for name in WIDTHS if name not in ("genres", "era")]
MODELS = ("presence", "content", "blend", "ease")


def tags_of(rng, n_movies):
    """All blocks at random; genres and era of every film, the others of about half of them."""
    blocks, ranges, start = [], {}, 0
    for name, width in WIDTHS.items():
        share = 0.5 if name in HIDDEN else 1.0
        values = rng.random((n_movies, width)) * (rng.random((n_movies, 1)) < share)
        blocks.append(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9))
        ranges[name] = (start, start + width)
        start += width
    matrix = sp.csr_matrix(np.hstack(blocks).astype(np.float32))
    return TagMatrix(matrix, [f"feature:{column}" for column in range(start)], ranges)


@pytest.fixture(scope="module")
def dataset():
    small = small_dataset(people=60, films=40)
    return replace(small, tags=tags_of(np.random.default_rng(0), 40))


@pytest.fixture(scope="module")
def split(dataset):
    return splits(PROTOCOL, dataset, 0)[0]


def lists(dataset, split):
    """Every model's evaluation of the same split: all values of all people, and how often each film is shown."""
    fold = TrainingSplit("cold", dataset, PROTOCOL, split, silent)
    evaluations = {name: fold.evaluate(fit(name, configure(name)), 0) for name in MODELS}
    return {
        (name, figure): values
        for name, evaluation in evaluations.items()
        for figure, values in {**evaluation.per_user, **evaluation.arrays}.items()
        if not figure.startswith("diversity")  # judged in the space of all tags
    }


def is_same(first, second):
    return all(np.array_equal(first[key], second[key], equal_nan=True) for key in first)


@pytest.fixture(scope="module")
def expected(dataset, split):
    return lists(dataset, split)


def test_films_are_new_where_the_protocol_holds_them_out_and_elsewhere_by_their_year(dataset):
    held_out = training_data(dataset, splits(PROTOCOL, dataset, 0)[0])
    np.testing.assert_array_equal(held_out.is_new, held_out.counts == 0)
    last = pd.Timestamp(dataset.ratings["timestamp"].max(), unit="s").year
    everything = all_ratings(dataset)
    rated = dataset.movie_rows[0]
    for year, is_new in ((last - 2, False), (last - 1, True), (last + 1, True)):
        movies = dataset.movies.assign(year=year)
        keep = dataset.movie_rows != rated
        few = replace(everything, train=everything.train & keep)
        data = training_data(replace(dataset, movies=movies), few)
        assert data.is_new[rated] == is_new
        assert not data.is_new[data.counts > 0].any()
    unknown = replace(dataset, movies=dataset.movies.assign(year=pd.array([pd.NA] * len(dataset.movies), "Int16")))
    assert training_data(unknown, few).is_new[rated]


@given(seed=st.integers(0, 2**32 - 1), names=st.sets(st.sampled_from(HIDDEN), min_size=1))
@settings(max_examples=8, deadline=None)
def test_lists_do_not_change_with_what_viewers_give_of_the_new_films(dataset, split, expected, seed, names):
    new = training_data(dataset, split).counts == 0
    matrix = dataset.tags.matrix.toarray()
    others = tags_of(np.random.default_rng(seed), len(new)).matrix.toarray()
    for start, stop in (dataset.tags.blocks[name] for name in names):
        matrix[new, start:stop] = others[new, start:stop]  # other features, more films with some, fewer films with some
    changed = replace(dataset, tags=replace(dataset.tags, matrix=sp.csr_matrix(matrix)))
    assert is_same(expected, lists(changed, split))


def test_lists_change_with_what_is_known_at_release(dataset, split, expected):
    new = training_data(dataset, split).counts == 0
    changed = replace(dataset, tags=without_blocks(dataset.tags, new, ["genres"]))
    assert not is_same(expected, lists(changed, split))


def test_what_viewers_give_of_other_films_stays(dataset, split):
    data = training_data(dataset, split)
    new = data.counts == 0
    before, after = dataset.tags.matrix.toarray(), data.tags.matrix.toarray()
    np.testing.assert_array_equal(after[~new], before[~new])
    assert after[new, 7:].sum() == 0
    np.testing.assert_array_equal(after[new, :7], before[new, :7])


def test_a_fit_on_hidden_features_is_not_shared_with_other_splits(dataset, split):
    shared = FitCache()
    other = next(iter(splits(load_protocol("item2item"), dataset, 0)))
    whole = TrainingSplit("item2item", dataset, load_protocol("item2item"), other, silent, shared).fits(0)
    hidden = TrainingSplit("cold", dataset, PROTOCOL, split, silent, shared).fits(0)
    first, second = (fits.get("content", configure("content")) for fits in (whole, hidden))
    assert not np.array_equal(first.arrays["content_embedding"], second.arrays["content_embedding"])


def test_the_share_of_new_films_in_lists_stands_beside_their_share_of_the_catalogue(dataset, split):
    fold = TrainingSplit("cold", dataset, PROTOCOL, split, silent)
    model = fold.builder.model(fit("presence", configure("presence")).make(fold.fits(0)))
    evaluation = evaluate(model, dataset, split, PROTOCOL, seed=0)
    new = training_data(dataset, split).counts == 0
    assert evaluation.metric("new_films_in_catalogue").value == new.mean()
    shown = evaluation.metric("new_films_at_10").value
    assert 0 <= shown < 1
    assert (evaluation.arrays["exposure"][new].sum() > 0) == (shown > 0)


def test_described_films_all_have_credits_which_stay(dataset):
    protocol = load_protocol("cold-described")
    (split,) = splits(protocol, dataset, 0)
    has = dataset.tags.has_block("directors") & dataset.tags.has_block("actors")
    held_out = np.setdiff1d(dataset.movie_rows, dataset.movie_rows[split.train])
    assert len(held_out) == round(0.1 * has[np.unique(dataset.movie_rows)].sum())
    assert has[held_out].all()
    after = training_data(dataset, split).tags
    assert after.has_block("directors")[held_out].all()
    for name in ("people", "text", "user_tags", "genome"):
        assert not after.has_block(name)[held_out].any()
