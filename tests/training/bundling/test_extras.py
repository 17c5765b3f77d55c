"""Extras of a data set, written by training and read by the kernel."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.model import Model
from tests.training.conftest import FILMS, UNRATED, taste_of_film
from training.bundling.build import build_bundle
from training.bundling.extras import extra_arrays, rating_periods
from training.models import make


@pytest.fixture(scope="module")
def model(dataset, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("extras") / "bundle"
    fitted = make("popularity").fit(data, seed=0, progress=lambda what, done: None)
    build_bundle(path, fitted, dataset, data, extras=extra_arrays(dataset, data))
    return Model.load(path)


def test_a_bundle_of_a_training_part_has_none(dataset, data, tmp_path):
    fitted = make("popularity").fit(data, seed=0, progress=lambda what, done: None)
    build_bundle(tmp_path / "bundle", fitted, dataset, data)
    assert Model.load(tmp_path / "bundle").extras is None


def test_shared_features_are_what_both_films_have(model):
    shared = model.extras.shared_features(0, 5, 10)  # both Sci-Fi, both by Director 0
    assert {(feature.kind, feature.name) for feature in shared} == {("genre", "Sci-Fi"), ("director", "Director 0")}
    assert shared[0].kind == "director", "a director says more than a genre of half the films"
    assert sum(feature.share for feature in shared) == pytest.approx(1)
    assert model.extras.shared_features(0, 16, 10) == []


def test_features_are_found_by_name_and_score_films(model):
    [column] = model.extras.find_features("romance")
    assert model.extras.find_features("genre:Romance") == [column]
    assert model.extras.find_features("no such thing") == []
    scores = model.extras.feature_scores({column: 1.0})
    np.testing.assert_array_equal(scores > 0, taste_of_film(range(FILMS)) == 1)


def test_common_viewers_are_counted(model, user_item):
    rated, liked = user_item.toarray() > 0, user_item.toarray() >= 4
    for first, second in ((0, 1), (0, 20), (3, UNRATED)):
        common = model.extras.common(first, second)
        assert common.viewers == (rated[:, first] & rated[:, second]).sum()
        assert common.likes == (liked[:, first] & liked[:, second]).sum()


def test_ratings_over_time_add_up(model, dataset, user_item):
    film = model.extras.film_over_time(0)
    assert film.counts.sum() == user_item[:, 0].nnz
    assert np.nansum(film.counts * film.averages) == pytest.approx(user_item[:, 0].sum())
    everything = model.extras.all_over_time()
    assert everything.counts.sum() == len(dataset.ratings)
    by_genre = [model.extras.genre_over_time(genre).counts for genre in range(2)]
    np.testing.assert_array_equal(sum(by_genre), everything.counts)  # every film has one genre


def test_periods_are_months_of_a_short_and_years_of_a_long_span():
    day = 86_400
    months, at = rating_periods(np.array([0, 40 * day, 10 * day]))
    assert months.tolist() == [197001, 197002]
    assert at.tolist() == [0, 1, 0]
    years, at = rating_periods(np.array([0, 5 * 365 * day, 400 * day]))
    assert years.tolist() == [1970, 1971, 1972, 1973, 1974]
    assert at.tolist() == [0, 4, 1]


def test_the_map_keeps_tastes_apart(model):
    rows, xy = model.extras.map_rows, model.extras.map_xy
    assert UNRATED not in rows
    assert np.abs(xy).max() <= 1
    distances = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (taste_of_film(rows[distances.argmin(axis=1)]) == taste_of_film(rows)).mean() > 0.9


def test_the_same_seed_gives_the_same_extras(dataset, data):
    first, second = (extra_arrays(dataset, data, seed=3) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)
