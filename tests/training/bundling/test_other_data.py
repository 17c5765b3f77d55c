"""Bundles of other data than films in half stars: other ids, scales and facets, and events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.errors import UsageError
from recommender.films.catalog import FilmFilter
from recommender.model import Model, Wanted
from tests.training.small import (
    EVENTS,
    TEN,
    as_books,
    book_id,
    saved,
    small_dataset,
    user_id,
    with_ratings,
    with_text_ids,
)
from training.bundling.build import BundleBuilder
from training.evaluation.evaluate import evaluate
from training.models import make
from training.splits.cut import all_ratings, splits, training_data
from training.splits.protocol import load_protocol

DATA = small_dataset()
PLAIN = Wanted(n=10)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return saved(DATA, tmp_path_factory.mktemp("plain"))


def test_text_ids_give_the_lists_of_integer_ids_under_their_own_names(plain: Model, tmp_path: Path) -> None:
    model = saved(with_text_ids(DATA), tmp_path)
    assert (model.movie_ids.raw(0), model.user_ids.raw(0)) == (book_id(101), user_id(1))
    for row in (0, 7, 20):
        np.testing.assert_array_equal(model.similar(row, PLAIN).rows, plain.similar(row, PLAIN).rows)
        np.testing.assert_allclose(model.for_user(row, PLAIN).scores, plain.for_user(row, PLAIN).scores, rtol=1e-6)
    assert model.golden_answer(model.manifest.golden[0]).movie_ids[0] in model.movie_ids
    assert model.catalog.film(3).movie_id == book_id(104)


def test_twice_the_ratings_on_twice_the_scale_give_the_same_lists_and_twice_the_predictions(
    plain: Model, tmp_path: Path
) -> None:
    model = saved(with_ratings(DATA, TEN, 2), tmp_path)
    rows = np.arange(10)
    for user in (0, 5, 9):
        ours, theirs = model.for_user(user, PLAIN), plain.for_user(user, PLAIN)
        np.testing.assert_array_equal(ours.rows, theirs.rows)
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-4)
        histories = [each.history.ratings(np.array([user])) for each in (model, plain)]
        np.testing.assert_array_equal(histories[0].data, 2 * histories[1].data)
        doubled, predicted = (
            each.predicted_ratings(rows, history, user) for each, history in zip((model, plain), histories, strict=True)
        )
        assert doubled is not None
        assert predicted is not None
        np.testing.assert_allclose(doubled, 2 * predicted, rtol=1e-3)
    assert model.catalog.histograms.shape[1] == 10
    np.testing.assert_array_equal(model.catalog.likes, plain.catalog.likes)
    np.testing.assert_allclose(model.catalog.averages, 2 * plain.catalog.averages, atol=0.011)  # rounded to 0.01
    averages, halves = (each.extras.all_over_time().averages for each in (model, plain) if each.extras)
    np.testing.assert_allclose(averages, 2 * halves)


def test_a_protocol_judges_twice_the_scale_alike_and_errors_on_it(tmp_path: Path) -> None:
    protocol = load_protocol("latest20")
    values = []
    for dataset in (DATA, with_ratings(DATA, TEN, 2)):
        split = splits(protocol, dataset, 0)[0]
        data = training_data(dataset, split)
        svd = make("svd").fit(data, seed=0, progress=lambda what, done: None)
        model = BundleBuilder(dataset, data).model(svd)
        values.append(evaluate(model, dataset, split, protocol, seed=0))
    plain, doubled = values
    assert doubled.metric("ndcg_at_10").value == pytest.approx(plain.metric("ndcg_at_10").value, rel=1e-6)
    assert doubled.metric("rmse").value == pytest.approx(2 * plain.metric("rmse").value, rel=1e-3)
    assert len(doubled.arrays["calibration"]) == 10


def test_events_have_counts_alone(tmp_path: Path) -> None:
    model = saved(with_ratings(DATA, EVENTS), tmp_path)
    assert model.catalog.film(0).average_rating is None
    assert model.catalog.histograms.shape == (40, 0)
    assert model.predicted_ratings(np.arange(3), model.history.ratings(np.array([0])), 0) is None
    assert model.extras is not None
    over_time = model.extras.all_over_time()
    assert over_time.counts.sum() == len(DATA.ratings)
    assert np.isnan(over_time.averages).all()
    assert np.isnan(model.extras.film_over_time(0).averages).all()
    likes = DATA.ratings[DATA.ratings["rating"] >= EVENTS.like]["movie_id"].value_counts()
    assert model.catalog.likes.tolist() == [likes.get(raw, 0) for raw in DATA.movie_ids.ids.tolist()]
    shown = model.for_profile(np.array([0, 2]), np.array([5.0, 40.0], dtype=np.float32), PLAIN)
    assert np.isfinite(shown.scores).all()


def test_svd_says_why_it_cannot_be_fitted_to_events() -> None:
    data = training_data(with_ratings(DATA, EVENTS), all_ratings(DATA))
    with pytest.raises(UsageError, match="events alone"):
        make("svd").fit(data, seed=0, progress=lambda what, done: None)


def test_facets_filter_and_stand_in_the_texts(tmp_path: Path) -> None:
    model = saved(as_books(with_text_ids(DATA)), tmp_path)
    assert model.catalog.film(3).facets == {"authors": ["Author 3", "Le Guin"], "publisher": ["Tor"]}
    assert model.catalog.film(5).facets == {"authors": ["Author 5"], "publisher": []}
    assert b'"actors":[],"facets":{"authors":["Author 0","Le Guin"],"publisher":[]},"average_rating"' in (
        model.catalog.text(0)
    )

    def allowed(*facets: tuple[str, str]) -> list[int]:
        return np.flatnonzero(model.catalog.allowed(FilmFilter(facets=facets))).tolist()

    by_le_guin = [row for row in range(40) if row % 3 == 0]
    assert allowed(("authors", "LE GUIN")) == by_le_guin
    assert allowed(("authors", "Le Guin"), ("authors", "Author 1")) == [
        row for row in range(40) if row % 3 == 0 or row % 7 == 1
    ]
    assert allowed(("authors", "Le Guin"), ("publisher", "Tor")) == [
        row for row in by_le_guin if row % 2 and row % 5 != 0
    ]
    with pytest.raises(UsageError, match="expected one of: authors, publisher"):
        allowed(("directors", "Le Guin"))
    with pytest.raises(UsageError, match=r"Unknown publisher; expected one of: Ace, Tor\."):
        allowed(("publisher", "Penguin"))
    with pytest.raises(UsageError, match="Unknown genre"):
        model.catalog.allowed(FilmFilter(genres=("Drama",)))
