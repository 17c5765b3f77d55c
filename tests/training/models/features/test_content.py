"""Content similarity where films lack blocks: unknown is neither similar nor dissimilar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD

from recommender.scoring.scorers import item_scorer
from training.datasets.dataset import TagMatrix
from training.datasets.features.tag_matrix import stack_blocks
from training.models import configure
from training.models.arrays import unit_rows
from training.models.base import TrainingData
from training.models.fits import Fits

FILMS, GENRES, TAGS = 120, 12, 30
TAGGED = np.arange(0, FILMS, 10)  # films with a genome
SMALL = ["als.factors=4", "content.factors=11"]


@pytest.fixture(scope="module")
def genres():
    """Three random genres of each film."""
    rng = np.random.default_rng(0)
    return np.array([np.isin(range(GENRES), rng.choice(GENRES, 3, replace=False)) for _ in range(FILMS)], np.float32)


def tags_of(genres, genome=None) -> TagMatrix:
    blocks = {"genres": (sp.csr_matrix(genres), [f"genre:{i}" for i in range(GENRES)])}
    if genome is not None:
        blocks["genome"] = (sp.csr_matrix(genome), [f"tag:{i}" for i in range(genome.shape[1])])
    return stack_blocks(blocks, FILMS, {"genres": 1, "genome": 3})


def genome_of(films):
    genome = np.zeros((FILMS, TAGS), np.float32)
    genome[films] = np.random.default_rng(1).random((len(films), TAGS))
    return genome


def training(tags) -> TrainingData:
    rng = np.random.default_rng(2)
    stars = sp.csr_matrix(np.where(rng.random((50, FILMS)) < 0.3, rng.integers(1, 6, (50, FILMS)), 0).astype("float32"))
    return TrainingData(stars, tags, np.arange(FILMS, dtype=np.int32))


def fit(name, tags, overrides=()):
    return Fits(training(tags), 0, lambda what, share: None).get(name, configure(name, list(overrides)))


def similar(model, films):
    scores = item_scorer(model.item_spec, model.arrays).similar(np.asarray(films))
    scores[np.arange(len(films)), films] = -np.inf
    return scores


def test_where_every_film_has_every_block_the_embedding_is_that_of_one_svd(genres):
    tags = tags_of(genres, genome_of(np.arange(FILMS)))
    model = fit("content", tags, ["factors=20"])
    expected = TruncatedSVD(20, n_iter=5, random_state=0).fit_transform(tags.matrix)
    np.testing.assert_allclose(model.arrays["content_embedding"], unit_rows(expected), atol=1e-6)
    assert list(model.arrays) == ["content_embedding"]
    assert model.item_spec.parts[0].query_gain is None


@pytest.mark.parametrize(("name", "overrides"), [("content", ["factors=11"]), ("blend", SMALL)])
def test_a_genome_of_other_films_changes_no_neighbours_of_a_film_without(genres, name, overrides):
    without = np.setdiff1d(np.arange(FILMS), TAGGED)
    before = similar(fit(name, tags_of(genres), overrides), without)
    after = similar(fit(name, tags_of(genres, genome_of(TAGGED)), overrides), without)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_an_unknown_genome_ranks_between_a_similar_and_an_opposite_one(genres):
    query, twin, opposite, unknown = 0, 10, 20, 5
    genres = genres.copy()
    genres[[twin, opposite, unknown]] = genres[query]
    genome = genome_of(TAGGED)
    genome[query, : TAGS // 2] += 2
    genome[twin], genome[opposite] = genome[query], 0
    genome[opposite, TAGS // 2 :] = 1
    scores = similar(fit("content", tags_of(genres, genome), ["factors=11"]), [query])[0]
    assert scores[twin] > scores[unknown] > scores[opposite]


def test_films_with_few_common_blocks_share_the_most_common_one(genres):
    half = genres.copy()
    half[::2] = 0
    model = fit("content", tags_of(half, genome_of(TAGGED)), ["factors=11"])
    embedding = model.arrays["content_embedding"]
    assert np.isfinite(embedding).all()
    assert not embedding[[2, 4]].any()  # nothing is known of them
    assert all(np.isfinite(array).all() for array in model.arrays.values())


def test_newcomers_are_predicted_where_blocks_are_missing(genres):
    data = training(tags_of(genres, genome_of(TAGGED)))
    stars = data.user_item.toarray()
    stars[:, [10, 11]] = 0
    data = replace(data, user_item=sp.csr_matrix(stars))
    model = Fits(data, 0, lambda what, share: None).get("blend", configure("blend", SMALL))
    assert np.linalg.norm(model.arrays["blend_als"][[10, 11]], axis=1) == pytest.approx(1)
