"""What a blend makes of films that people know well, little or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.scoring.blocks import with_data
from recommender.scoring.scorers import Similarity, item_scorer
from tests.training.conftest import UNRATED, taste_of_film
from training.models import configure
from training.models.combined.blend import Blend
from training.models.fits import Fits
from training.models.parameters import BlendConfig

LOVED, OTHER = 3, 4  # films of one taste
SMALL = ["als.factors=8", "als.regularization=1", "als.weight_slope=0", "content.factors=4"]


def blend(data, *overrides):
    return Fits(data, 0, lambda what, share: None).get("blend", configure("blend", [*SMALL, *overrides]))


def arrays(data, *overrides):
    return blend(data, *overrides).arrays


def reception(data, *overrides):
    """(n,) what every film counts as a candidate."""
    return arrays(data, *overrides)["blend_reception"]


def content_share(data, *overrides):
    """(n,) what content counts on every film as a query; taste has the rest."""
    made = arrays(data, *overrides)
    np.testing.assert_allclose(made["blend_als_gain"] + made["blend_content_gain"], 1, rtol=1e-6)
    return made["blend_content_gain"]


def with_few(data, film, kept):
    """The world with `kept` ratings of `film`, 5 stars each."""
    stars = data.user_item.copy()
    own = np.flatnonzero(stars.indices == film)
    stars.data[own] = np.where(np.arange(len(own)) < kept, 5, 0)
    stars.eliminate_zeros()
    return replace(data, user_item=stars)


def seen_by_all(data, film):
    """The world in which everybody has rated `film`, with 4 stars."""
    stars = data.user_item.tolil()
    stars[:, film] = 4
    return replace(data, user_item=sp.csr_matrix(stars))


def test_the_better_loved_of_two_films_comes_nearer(data):
    stars = data.user_item
    worse = with_data(stars, np.where(stars.indices == OTHER, 1, stars.data))
    before, after = reception(data), reception(replace(data, user_item=worse))
    assert after[OTHER] / after[LOVED] < 0.9 * before[OTHER] / before[LOVED]


def test_one_rating_says_little_of_how_well_a_film_is_loved(data):
    seen_once = with_few(data, OTHER, 1)
    mean = seen_once.user_item.data.mean()
    stars = (5 / mean + 20) / 21  # beside 20 ratings at the mean
    assert reception(seen_once, "star_damping=20", "trust=3")[OTHER] == pytest.approx(stars * 1 / 4)


def test_content_speaks_where_few_ratings_do(data):
    worlds = (with_few(data, OTHER, 2), data)
    few, many = (content_share(world, "ubiquity=0")[OTHER] for world in worlds)
    assert few > 1.5 * many
    shares = content_share(data, "content_weight=0.2", "content_boost=4", "ubiquity=0")
    assert shares[UNRATED] == pytest.approx(1 / (1 + 1))  # 0.2 * (1 + 4) beside a taste of 1


def test_what_everybody_has_seen_tells_nobody_s_taste(data):
    assert content_share(seen_by_all(data, OTHER))[OTHER] == pytest.approx(1, abs=1e-4)
    raters = 40  # of 60 people: the others have rated nothing
    stars = data.user_item.copy()
    stars.data[stars.indptr[raters] :] = 0
    stars.eliminate_zeros()
    fewer = replace(data, user_item=stars)
    share = fewer.counts[OTHER] / (raters + 1)
    shown = content_share(fewer, "ubiquity=2", "content_weight=0.2", "content_boost=0")[OTHER]
    assert shown == pytest.approx(0.2 / (0.2 + (1 - share) ** 2))


def test_taste_is_left_where_what_everybody_has_seen_has_no_content(data):
    world = seen_by_all(data, OTHER)
    tags = world.tags.matrix.tolil()
    tags[OTHER] = 0
    fitted = blend(replace(world, tags=replace(world.tags, matrix=sp.csr_matrix(tags))))
    likeness = item_scorer(fitted.item_spec, fitted.arrays).similar(np.array([OTHER]))[0]
    assert len(np.unique(likeness)) > 10


def test_where_nothing_is_rated_films_are_alike_by_content(data):
    fitted = blend(replace(data, user_item=sp.csr_matrix(data.user_item.shape, dtype=np.float32)))
    likeness = item_scorer(fitted.item_spec, fitted.arrays).similar(np.arange(2))
    content = fitted.arrays["content_embedding"]
    expected = fitted.arrays["blend_content_gain"][:2, None] * (content[:2] @ content.T)
    np.testing.assert_allclose(likeness, expected, rtol=1e-5, atol=1e-6)


def test_each_part_counts_a_film_as_it_is_received(data):
    fitted = blend(data)
    scorer = item_scorer(fitted.item_spec, fitted.arrays)
    assert isinstance(scorer, Similarity)
    films = np.arange(len(data.counts))
    for name, embedding in (("als", "blend_als"), ("content", "content_embedding")):
        cosines = fitted.arrays[embedding] @ fitted.arrays[embedding][LOVED]
        expected = fitted.arrays[f"blend_{name}_gain"][LOVED] * cosines * fitted.arrays["blend_reception"]
        np.testing.assert_allclose(scorer.contributions(LOVED, films)[name], expected, atol=1e-6)


def test_new_films_get_the_more_place_in_lists_the_greater_their_share_and_known_ones_count_as_before(data):
    least, usual, most = (reception(data, f"newcomer_share={share}") for share in (0, 1, 30))
    assert least[UNRATED] < usual[UNRATED] < most[UNRATED]
    is_known = np.arange(len(usual)) != UNRATED
    np.testing.assert_array_equal(least[is_known], most[is_known])


def test_a_film_that_came_out_long_ago_and_has_no_ratings_gets_less_place_than_a_new_one(data):
    stars = data.user_item.tocoo()
    seldom_rated = with_data(data.user_item.copy(), np.where((stars.col % 2 == 0) & (stars.row % 5 > 0), 0, stars.data))
    seldom_rated.eliminate_zeros()
    world, nothing = replace(data, user_item=seldom_rated), np.zeros(len(data.counts), dtype=bool)
    old, new = reception(replace(world, released=nothing)), reception(replace(world, released=~nothing))
    assert 0 < old[UNRATED] < new[UNRATED]
    assert new[UNRATED] == reception(world)[UNRATED]
    is_known = np.arange(len(old)) != UNRATED
    np.testing.assert_array_equal(old[is_known], new[is_known])


def test_new_films_are_described_by_the_features_that_new_films_have(data):
    """Films without ratings lack a block that the loved ones have: that tells nothing of their reception."""
    loved = np.flatnonzero(data.counts > np.median(data.counts))
    column = sp.csr_matrix((np.ones(len(loved)), (loved, np.zeros(len(loved), int))), shape=(len(data.counts), 1))
    first = data.tags.matrix.shape[1]
    tags = replace(
        data.tags,
        matrix=sp.hstack([data.tags.matrix, column], format="csr", dtype=np.float32),
        features=[*data.tags.features, "article:long"],
        blocks={**data.tags.blocks, "article": (first, first + 1)},
    )
    fits = [Fits(replace(data, tags=made), 0, lambda what, share: None) for made in (data.tags, tags)]
    config = configure("blend", [*SMALL, "content.factors=100"])
    assert isinstance(config, BlendConfig)
    described = [Blend(config)._at_release(one, unrated=data.counts == 0) for one in fits]
    plain, other = (one.arrays["content_embedding"] for one in described)
    np.testing.assert_allclose(plain @ plain.T, other @ other.T, atol=0.01)


def test_a_new_film_among_films_that_nobody_loves_is_not_expected_to_be_loved(data):
    stars = data.user_item
    alike = taste_of_film(stars.indices) == taste_of_film(UNRATED)
    worse = replace(data, user_item=with_data(stars, np.where(alike, 1, stars.data)))
    assert reception(worse)[UNRATED] < 0.9 * reception(data)[UNRATED]
