"""What viewers say of a film counts in the blend as far as its ratings are trusted, and not at all without ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.scoring.scorers import item_scorer
from training.datasets.features.tag_matrix import VIEWERS, without_blocks
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.world import load_synthetic_config
from training.models import configure
from training.models.fits import Fits
from training.models.parameters import BlendConfig
from training.progress import silent
from training.splits.cut import all_ratings, training_data

BLEND = BlendConfig.model_validate(configure("blend").model_dump())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("twin")
    write_twin(load_synthetic_config(users=150, movies=200, ratings=6000, seed=1), root / "raw")
    twin = prepare("twin", raw=root / "raw", processed_root=root / "processed")
    return training_data(twin, all_ratings(twin))


@pytest.fixture(scope="module")
def famous(data):
    """A film that many have rated and tagged."""
    return int(np.where(data.tags.has_block("user_tags"), data.counts, 0).argmax())


def with_ratings_of(data, film, count):
    """The same ratings, of which a film keeps the first `count`."""
    by_film = data.user_item.tocsc(copy=True)
    by_film.data[by_film.indptr[film] + count : by_film.indptr[film + 1]] = 0
    by_film.eliminate_zeros()
    return replace(data, user_item=by_film.tocsr())


def without_viewers(data, film):
    rows = np.arange(len(data.counts)) == film
    return replace(data, tags=without_blocks(data.tags, rows, VIEWERS))


def similarities(data, film):
    """What the film is like as a query, and as a candidate."""
    fitted = Fits(data, 0, silent).get("blend", BLEND)
    scores = item_scorer(fitted.item_spec, fitted.arrays).similar(np.arange(len(data.counts)))
    others = np.arange(len(scores)) != film
    return np.concatenate([scores[film, others], scores[others, film]])


def change(data, film):
    """How far what viewers say of a film changes its scores, over all scores."""
    with_them, without = similarities(data, film), similarities(without_viewers(data, film), film)
    return np.abs(with_them - without).sum() / np.abs(without).sum()


def test_a_film_without_ratings_is_as_on_the_day_of_its_release(data, famous):
    new = with_ratings_of(data, famous, 0)
    assert new.tags.has_block("user_tags")[famous]
    np.testing.assert_array_equal(similarities(new, famous), similarities(without_viewers(new, famous), famous))


def test_a_film_with_one_rating_and_many_tags_is_not_a_known_one(data, famous, monkeypatch):
    once = with_ratings_of(data, famous, 1)
    trusted = 1 / (1 + BLEND.trust)
    content = Fits(once, 0, silent).get("blend", BLEND)
    in_full = Fits(once, 0, silent).get("content", BLEND.content)
    assert not np.array_equal(content.arrays["content_embedding"], in_full.arrays["content_embedding"])
    held = change(once, famous)
    monkeypatch.setattr("training.models.combined.blend.VIEWERS", ())  # the content model as it stands: tags in full
    full = change(once, famous)
    assert 0 < held < 2 * trusted * full


def test_what_viewers_say_of_a_well_known_film_counts(data, famous):
    assert change(data, famous) > 0.02


def test_features_that_nobody_gave_are_not_touched(data):
    """Without viewers' features the blend's content is the content model itself, fitted once for both."""
    bare = replace(data, tags=without_blocks(data.tags, np.ones(len(data.counts), dtype=bool), VIEWERS))
    fits = Fits(bare, 0, silent)
    blend, content = (fits.get("blend", BLEND), fits.get("content", BLEND.content))
    assert blend.arrays["content_embedding"] is content.arrays["content_embedding"]
    assert sp.issparse(bare.tags.matrix)
